"""When slabs were handed over, how long they took and what stood in the way: underruns and timing, without a lock."""

from __future__ import annotations

from mixer.scene import SAMPLE_RATE

WINDOW = 128  # slabs: 11 s
SECOND_NS = 1_000_000_000


class SlabClock:
    """Told of each slab, in nanoseconds of CLOCK_MONOTONIC, and of each time that slabs are handed over.

    An underrun is a block that comes later than one block and one device buffer (SDL's is as long as a block):
    so is the first that is handed over by so much more later than the last ones are long.
    What went before the first slab does not count.
    """

    def __init__(self, slab: int, block: int) -> None:
        self.underruns = 0
        self._slab_frames = slab
        self._allowed_ns = (slab + 2 * block) * SECOND_NS // SAMPLE_RATE
        self._longer_ns = 0
        self._last_ns: int | None = None
        self._longest_ns = 0
        self._held_up_ns = 0
        self._took_ns = [0] * WINDOW
        self._count = 0

    @property
    def longest_gap_ms(self) -> float:
        """Between two slabs, as if each were handed over for itself."""
        return self._longest_ns / 1e6

    @property
    def longest_gil_ms(self) -> float:
        """For which a slab that was due waited for the interpreter."""
        return self._held_up_ns / 1e6

    def rendered(self, took_ns: int) -> None:
        """A slab was made."""
        self._took_ns[self._count % WINDOW] = took_ns
        self._count += 1

    def handed_over(self, at_ns: int, frames: int, held_up_ns: int) -> None:
        """So many frames were there to be played at this time, after it had been waited for the interpreter. Costs
        next to nothing."""
        if self._last_ns is not None:
            gap_ns = at_ns - self._last_ns - self._longer_ns
            self._longest_ns = max(self._longest_ns, gap_ns)
            self._held_up_ns = max(self._held_up_ns, held_up_ns)
            self.underruns += gap_ns > self._allowed_ns
        self._last_ns = at_ns
        self._longer_ns = (frames - self._slab_frames) * SECOND_NS // SAMPLE_RATE

    def took_ms(self) -> tuple[float, float, float]:
        """(p50, p99, max) of the last `WINDOW` slabs; zeros before the first."""
        known = sorted(self._took_ns[: min(self._count, WINDOW)])
        if not known:
            return 0.0, 0.0, 0.0
        return known[len(known) // 2] / 1e6, known[(len(known) - 1) * 99 // 100] / 1e6, known[-1] / 1e6
