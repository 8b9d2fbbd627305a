"""A copy of the very samples handed to the device, in a WAV file; what never came is silence.

Beside the file stands `<file>.clock.json`: which moment its last frame belongs to. A player that was killed
and starts again with the same path goes on in the same file, after as much silence as it was away. To begin
a new recording under an old name, remove both files first.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mixer.boot_time import boot_time_ns
from mixer.envelope import Samples
from mixer.scene import SAMPLE_RATE
from mixer.wav import WavFile

RING_FRAMES = 4 * SAMPLE_RATE
WRITE_EVERY_S = 0.25
LONGEST_ABSENCE_S = 600.0  # what is older is another recording
LATE_FRAMES = 2048  # what comes so much later than due was missed, not merely jittery


class Recorder:
    """`take` is for the thread that renders: no lock, no file. A thread of its own writes.

    The recording starts with the first block that is not silent, or at once when it is continued.
    """

    def __init__(
        self,
        path: str | Path,
        channels: int,
        *,
        clock_ns: Callable[[], int] = boot_time_ns,
        write_every_s: float = WRITE_EVERY_S,
    ) -> None:
        self._clock_ns = clock_ns
        self._sidecar = Path(f"{path}.clock.json")
        self._ring = np.zeros((RING_FRAMES, channels), np.float32)
        self._taken = 0  # frames put into the ring, by the audio thread
        self._gaps: deque[tuple[int, int]] = deque()  # (frame in the ring's count, missing frames before it)
        clock = _read_clock(self._sidecar)
        fresh = clock is not None and 0 <= clock_ns() - clock[1] <= LONGEST_ABSENCE_S * 1e9
        self._file = WavFile(Path(path), channels, resume=fresh)
        self._due_ns: int | None = None  # when the next block is expected
        if clock is not None and fresh:
            self._due_ns = clock[1] + _duration_ns(self._file.frames - clock[0])
        self._written = 0
        self._every_s = write_every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def take(self, block: Samples) -> None:
        """Copy float32 (frames, channels) that is on its way to the device."""
        now, frames = self._clock_ns(), len(block)
        if self._due_ns is None:
            if not block.any():
                return
            self._due_ns = now
        late = (now - self._due_ns) * SAMPLE_RATE // 1_000_000_000
        if late > LATE_FRAMES:
            self._gaps.append((self._taken, late))
        self._due_ns = now + _duration_ns(frames)
        self._put(block)

    def _put(self, block: Samples) -> None:
        start = self._taken % RING_FRAMES
        first = min(len(block), RING_FRAMES - start)
        self._ring[start : start + first] = block[:first]
        self._ring[: len(block) - first] = block[first:]
        self._taken += len(block)

    def close(self) -> None:
        """Write what is left and bring the header up to date."""
        self._stop.set()
        self._thread.join()
        self._file.close()

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self.write()
        self.write()

    def write(self) -> None:
        """Move everything taken so far into the file."""
        taken = self._taken
        lost = taken - self._written - RING_FRAMES
        if lost > 0:  # the disk stood still for longer than the ring lasts
            self._file.append_silence(lost)
            self._written += lost
        while self._gaps and self._gaps[0][0] <= taken:
            position, missing = self._gaps.popleft()
            self._append_until(position)
            self._file.append_silence(missing)
        self._append_until(taken)
        self._file.write_header()
        self._write_clock()

    def _append_until(self, end: int) -> None:
        while self._written < end:
            start = self._written % RING_FRAMES
            frames = min(end - self._written, RING_FRAMES - start)
            self._file.append(self._ring[start : start + frames])
            self._written += frames

    def _write_clock(self) -> None:
        if self._due_ns is None:
            return
        ahead = _duration_ns(self._taken - self._written)
        clock = {"frames": self._file.frames, "boot_time_ns": self._due_ns - ahead}
        partial = self._sidecar.with_name(self._sidecar.name + ".part")
        partial.write_text(json.dumps(clock))
        partial.replace(self._sidecar)


def _duration_ns(frames: int) -> int:
    return frames * 1_000_000_000 // SAMPLE_RATE


def _read_clock(path: Path) -> tuple[int, int] | None:
    """(frames, boot time in ns at which the frame after them was due), or None without a usable file."""
    try:
        clock = json.loads(path.read_text())
        return int(clock["frames"]), int(clock["boot_time_ns"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
