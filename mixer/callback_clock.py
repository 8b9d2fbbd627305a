"""When the audio thread was called and how long it took: underruns and timing, without a lock."""

from __future__ import annotations

import numpy as np

from mixer.scene import SAMPLE_RATE

WINDOW = 512  # callbacks: 11 s at a block of 1024


class CallbackClock:
    """Told of each callback's begin and end, in nanoseconds of CLOCK_MONOTONIC.

    An underrun is a callback later than one block and one device buffer (SDL's is as long as a block).
    What went before the first callback does not count.
    """

    def __init__(self, block: int) -> None:
        self.underruns = 0
        self.longest_gap_ms = 0.0
        self._allowed_ns = 2 * block * 1_000_000_000 // SAMPLE_RATE
        self._last_ns: int | None = None
        self._took_ms = np.zeros(WINDOW)
        self._count = 0

    def begin(self, now_ns: int) -> None:
        if self._last_ns is not None:
            gap_ns = now_ns - self._last_ns
            self.longest_gap_ms = max(self.longest_gap_ms, gap_ns / 1e6)
            if gap_ns > self._allowed_ns:
                self.underruns += 1
        self._last_ns = now_ns

    def end(self, now_ns: int) -> None:
        assert self._last_ns is not None
        self._took_ms[self._count % WINDOW] = (now_ns - self._last_ns) / 1e6
        self._count += 1

    def took_ms(self) -> tuple[float, float, float]:
        """(p50, p99, max) of the last `WINDOW` callbacks; zeros before the first."""
        known = np.sort(self._took_ms[: min(self._count, WINDOW)])
        if not len(known):
            return 0.0, 0.0, 0.0
        return float(known[len(known) // 2]), float(known[(len(known) - 1) * 99 // 100]), float(known[-1])
