"""Pages of mapped samples: brought into memory before they are read, let go of once they are played."""

from __future__ import annotations

import ctypes
import mmap

import numpy as np
import numpy.typing as npt

_WILL_NEED = 3
_DONT_NEED = 4
_POPULATE_READ = 22  # Linux 5.14: reads and maps, and answers with an error where a touch would kill us

Mapped = npt.NDArray[np.int16]


class Pages:
    """Advice to the kernel, given with the interpreter's lock released, so that waiting for a card stops nobody."""

    def __init__(self) -> None:
        self._advise = ctypes.CDLL(None).madvise
        self._advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)

    def fetch(self, samples: Mapped, frame: int, frames: int) -> None:
        """Have some frames of mapped int16 (channels, n) in memory when this returns (older kernels: soon)."""
        places = spans(samples, frame, frames)
        for start, size in places:  # all are asked of the card before the first is waited for
            self._advise(start, size, _WILL_NEED)
        for start, size in places:
            self._advise(start, size, _POPULATE_READ)

    def forget(self, samples: Mapped, frame: int, frames: int) -> None:
        """Take frames out of our resident memory; they stay in the kernel's cache while there is room."""
        for start, size in spans(samples, frame, frames):
            self._advise(start, size, _DONT_NEED)


def spans(samples: Mapped, frame: int, frames: int) -> list[tuple[int, int]]:
    """(address of a page, bytes) per channel; frames before the first and after the last are left out."""
    first, last = max(0, frame), min(frame + frames, samples.shape[1])
    if last <= first:
        return []
    channel_bytes, frame_bytes = samples.strides
    begin = samples.ctypes.data + first * frame_bytes
    spans = []
    for address in range(begin, begin + samples.shape[0] * channel_bytes, channel_bytes):
        start = address - address % mmap.PAGESIZE
        spans.append((start, address + (last - first) * frame_bytes - start))
    return spans
