"""A WAV file that can be read at any moment: 16 bit, its header brought up to date as it grows."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np

from mixer.envelope import Samples
from mixer.scene import SAMPLE_RATE

HEADER_BYTES = 44
LARGEST_BYTES = 2**32 - 4096  # a WAV counts its bytes in 32 bits: 6 h of stereo


class WavFile:
    """Appends to `path`; with `resume`, after the whole frames that are already there."""

    def __init__(self, path: Path, channels: int, *, resume: bool) -> None:
        self._frame_bytes = 2 * channels
        self._channels = channels
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | (0 if resume else os.O_TRUNC), 0o644)
        size = os.fstat(self._fd).st_size
        self.frames = max(0, size - HEADER_BYTES) // self._frame_bytes
        self.write_header()

    def append(self, block: Samples) -> None:
        """Write float32 (frames, channels); what no longer fits into a WAV is dropped."""
        data = np.rint(np.clip(block, -1, 1) * np.float32(32767)).astype("<i2")
        self._write(data.tobytes())

    def append_silence(self, frames: int) -> None:
        self._write_sparse(frames)

    def write_header(self) -> None:
        size = self.frames * self._frame_bytes
        rate = SAMPLE_RATE * self._frame_bytes
        shape = struct.pack("<HHIIHH", 1, self._channels, SAMPLE_RATE, rate, self._frame_bytes, 16)
        head = b"RIFF" + struct.pack("<I", size + 36) + b"WAVEfmt " + struct.pack("<I", 16) + shape
        os.pwrite(self._fd, head + b"data" + struct.pack("<I", size), 0)

    def close(self) -> None:
        self.write_header()
        os.close(self._fd)

    @property
    def _end(self) -> int:
        return HEADER_BYTES + self.frames * self._frame_bytes

    def _room(self, frames: int) -> int:
        return max(0, min(frames, (LARGEST_BYTES - self._end) // self._frame_bytes))

    def _write(self, data: bytes) -> None:
        frames = self._room(len(data) // self._frame_bytes)
        view, position = memoryview(data)[: frames * self._frame_bytes], self._end
        while view:
            written = os.pwrite(self._fd, view, position)
            view, position = view[written:], position + written
        self.frames += frames

    def _write_sparse(self, frames: int) -> None:
        """Silence costs no disk: the file is only made longer."""
        frames = self._room(frames)
        os.ftruncate(self._fd, self._end + frames * self._frame_bytes)
        self.frames += frames
