"""When the audio thread was called and how long it took: underruns and timing, without a lock."""

from __future__ import annotations

from mixer.scene import SAMPLE_RATE

WINDOW = 512  # callbacks: 11 s at a block of 1024


class CallbackClock:
    """Told of each callback, in nanoseconds of CLOCK_MONOTONIC.

    An underrun is a callback later than one block and one device buffer (SDL's is as long as a block).
    What went before the first callback does not count.
    """

    def __init__(self, block: int) -> None:
        self.underruns = 0
        self._allowed_ns = 2 * block * 1_000_000_000 // SAMPLE_RATE
        self._last_ns = 0
        self._longest_ns = 0
        self._took_ns = [0] * WINDOW
        self._count = 0

    @property
    def longest_gap_ms(self) -> float:
        return self._longest_ns / 1e6

    def called(self, begin_ns: int, end_ns: int) -> None:
        """A callback is over. Costs next to nothing: it is asked of every one."""
        gap_ns = begin_ns - self._last_ns
        if gap_ns > self._longest_ns and self._count:
            self._longest_ns = gap_ns
        if gap_ns > self._allowed_ns and self._count:
            self.underruns += 1
        self._last_ns = begin_ns
        self._took_ns[self._count % WINDOW] = end_ns - begin_ns
        self._count += 1

    def took_ms(self) -> tuple[float, float, float]:
        """(p50, p99, max) of the last `WINDOW` callbacks; zeros before the first."""
        known = sorted(self._took_ns[: min(self._count, WINDOW)])
        if not known:
            return 0.0, 0.0, 0.0
        return known[len(known) // 2] / 1e6, known[(len(known) - 1) * 99 // 100] / 1e6, known[-1] / 1e6
