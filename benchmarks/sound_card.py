"""A sound card made of a pipe: takes exactly 48,000 frames a second and notices when there are none."""

from __future__ import annotations

import array
import fcntl
import multiprocessing
import os
import termios
import time
from contextlib import suppress
from pathlib import Path

RATE = 48_000
FRAME_BYTES = 8  # float32 stereo
PIPE_BYTES = 16_384  # two device blocks of 1024 frames
STEP_S = 0.001
OWN_DELAY_S = 0.015  # later than this itself, it plays what it missed as a card would have, and blames nobody
F_SETPIPE_SZ = 1031


class SoundCard:
    """Reads the pipe that SDL's disk driver writes, in a process of its own; an underrun is a frame that is due
    and not there."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "card"
        os.mkfifo(self.path)
        context = multiprocessing.get_context("fork")
        self._underruns = context.Value("i", 0)
        self._silence_s = context.Value("d", 0.0)
        self._late_s = context.Value("d", 0.0)
        self._process = context.Process(target=self._run, daemon=True)
        self._process.start()

    @property
    def env(self) -> dict[str, str]:
        """What makes SDL play into it."""
        return {"SDL_AUDIODRIVER": "disk", "SDL_DISKAUDIOFILE": str(self.path), "SDL_DISKAUDIODELAY": "0"}

    @property
    def underruns(self) -> int:
        return int(self._underruns.value)

    @property
    def silence_s(self) -> float:
        return float(self._silence_s.value)

    @property
    def late_s(self) -> float:
        """How late the card itself was at most, served before everybody else as it is."""
        return float(self._late_s.value)

    def forgive(self) -> None:
        """What has been missing so far does not count."""
        self._underruns.value, self._silence_s.value, self._late_s.value = 0, 0.0, 0.0

    def close(self) -> None:
        self._process.kill()
        self._process.join()

    def _run(self) -> None:
        with suppress(PermissionError):  # the card must not be the late one
            os.setpriority(os.PRIO_PROCESS, 0, -19)
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(50))
        fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES)
        _fill(fd)
        last_s = began_s = time.monotonic()
        played = 0
        while True:
            time.sleep(STEP_S)
            now_s = time.monotonic()
            self._late_s.value = max(self._late_s.value, now_s - last_s - STEP_S)
            if now_s - last_s > OWN_DELAY_S:
                began_s += now_s - last_s
            last_s = now_s
            due = int((now_s - began_s) * RATE) * FRAME_BYTES - played
            there = min(due, _ready(fd))
            played += len(os.read(fd, there)) if there > 0 else 0
            if there < due:
                self._underruns.value += 1
                _fill(fd)
                last_s = time.monotonic()
                self._silence_s.value += last_s - now_s
                began_s += last_s - now_s + (due - there) / FRAME_BYTES / RATE


def _fill(fd: int) -> None:
    """Wait until half the pipe is there."""
    while _ready(fd) < PIPE_BYTES // 2:
        time.sleep(0.0005)


def _ready(fd: int) -> int:
    count = array.array("i", [0])
    fcntl.ioctl(fd, termios.FIONREAD, count)
    return count[0]
