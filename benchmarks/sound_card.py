"""A sound card made of a pipe: takes exactly 48,000 frames a second and notices when there are none."""

from __future__ import annotations

import array
import fcntl
import os
import termios
import threading
import time
from contextlib import suppress
from pathlib import Path

RATE = 48_000
FRAME_BYTES = 8  # float32 stereo
PIPE_BYTES = 16_384  # two device blocks of 1024 frames
F_SETPIPE_SZ = 1031


class SoundCard:
    """Reads the pipe that SDL's disk driver writes; an underrun is a frame that is due and not there."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "card"
        os.mkfifo(self.path)
        self._fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(self._fd, F_SETPIPE_SZ, PIPE_BYTES)
        self.underruns = 0
        self.silence_s = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def env(self) -> dict[str, str]:
        """What makes SDL play into it."""
        return {"SDL_AUDIODRIVER": "disk", "SDL_DISKAUDIOFILE": str(self.path), "SDL_DISKAUDIODELAY": "0"}

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        os.close(self._fd)

    def forgive(self) -> None:
        """What has been missing so far does not count."""
        self.underruns, self.silence_s = 0, 0.0

    def _run(self) -> None:
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), -15)  # the card must not be the late one
        self._fill()
        began_s, played = time.monotonic(), 0
        while not self._stop.wait(0.001):
            due = int((time.monotonic() - began_s) * RATE) * FRAME_BYTES - played
            if due > self._ready():
                began_s += self._underrun()
                continue
            if due > 0:
                played += len(os.read(self._fd, due))

    def _underrun(self) -> float:
        """Wait until half the pipe is there again; the seconds of silence."""
        self.underruns += 1
        began_s = time.monotonic()
        self._fill()
        silence_s = time.monotonic() - began_s
        self.silence_s += silence_s
        return silence_s

    def _fill(self) -> None:
        while self._ready() < PIPE_BYTES // 2 and not self._stop.wait(0.0005):
            pass

    def _ready(self) -> int:
        count = array.array("i", [0])
        fcntl.ioctl(self._fd, termios.FIONREAD, count)
        return count[0]
