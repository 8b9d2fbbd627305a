"""The limiter: nothing leaves louder than the ceiling, and what stays below it passes untouched."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mixer.envelope import Samples
from mixer.scene import SAMPLE_RATE

CEILING_DB = -1.1  # a hair under −1 dBTP, for rounding to 16 bits and what interpolation misses (0.1 dB at a hard edge)
LOOKAHEAD = 256  # frames: 5.3 ms, the delay of the limiter and the length of its attack
RELEASE_PER_S = 2.5  # gain regained per second
TAPS = 16  # per interpolated phase
MARGIN = TAPS // 2 + 2  # frames by which a peak between samples is found late
NEAR = 10 ** (-3.5 / 20)  # true peaks are looked for when samples come this near to the ceiling


class LimiterMark(NamedTuple):
    """What a limiter knows between two slabs. windows: the needs and holds behind it, None while it rests."""

    turn: int
    start: Samples
    windows: tuple[Samples, Samples] | None
    limited_frames: int
    tail_peak: float


class Limiter:
    """Look-ahead peak limiter for slabs of a fixed size; delays by `LOOKAHEAD` frames.

    inlet: where the next slab is to be written before `process`, float32 (channels, slab). outlet: where it is
    afterwards, float32 (slab, channels), until as many more have been processed as there are `outlets`.

    The gain each frame needs is lowered at once and recovers slowly; its minimum over the frames ahead,
    averaged over the frames behind, is a smooth curve that is never above the need.
    """

    def __init__(self, channels: int, slab: int, outlets: int = 1) -> None:
        self.ceiling = 10 ** (CEILING_DB / 20)
        self.gain = 1.0  # the lowest applied in the last slab
        self.limited_frames = 0
        self.peak = 0.0  # of the last slab, limited
        self._line = np.zeros((channels, LOOKAHEAD + slab), np.float32)
        self._need = np.ones(LOOKAHEAD + slab, np.float32)
        self._held = np.ones(LOOKAHEAD + slab, np.float32)
        self._recovery = np.arange(slab, dtype=np.float32) * np.float32(RELEASE_PER_S / SAMPLE_RATE)
        self._taps = interpolation_taps()
        self._resting = True
        self._tail_peak = 0.0
        self.inlet = self._line[:, LOOKAHEAD:]
        self._outlets = [np.zeros((slab, channels), np.float32) for _ in range(outlets)]
        lines = self._line[:, :slab]  # views are made once: one costs as much as a copy
        self._ways = [tuple(zip(lines, outlet.T, strict=True)) for outlet in self._outlets]
        self.outlet, self._delayed = self._outlets[0], self._ways[0]
        self._start, self._end = self._line[:, :LOOKAHEAD], self._line[:, slab:]
        self._count = 0

    def last(self, slabs: int) -> list[Samples]:
        """The outlets of so many slabs, in their order."""
        return [self._outlets[n % len(self._outlets)] for n in range(self._count - slabs, self._count)]

    def mark(self) -> LimiterMark:
        """What it knows, for `go_back`."""
        need, held = self._need[:LOOKAHEAD], self._held[:LOOKAHEAD]
        windows = None if self._resting else (need.copy(), held.copy())
        return LimiterMark(self._count, self._start.copy(), windows, self.limited_frames, self._tail_peak)

    def go_back(self, mark: LimiterMark) -> None:
        self._count, self.limited_frames, self._tail_peak = mark.turn, mark.limited_frames, mark.tail_peak
        self._start[...] = mark.start
        self._resting = mark.windows is None
        self._need[:LOOKAHEAD], self._held[:LOOKAHEAD] = mark.windows or (1, 1)

    def process(self) -> None:
        """Write the limited slab, delayed, to `outlet`."""
        turn = self._count % len(self._outlets)
        self._count += 1
        self.outlet, self._delayed = self._outlets[turn], self._ways[turn]
        peak = _peak(self.inlet)
        if self._resting and peak <= self.ceiling * NEAR:
            for samples, out in self._delayed:  # 4 times as fast as the transposed copy in one
                out[...] = samples
            self.gain, self.peak = 1.0, max(peak, self._tail_peak)
        else:
            self._limit()
        self._tail_peak = peak
        self._start[...] = self._end

    def _limit(self) -> None:
        slab = len(self.outlet)
        need = self._need
        need[LOOKAHEAD:] = self._recovering(self._needed(), float(need[LOOKAHEAD - 1]))
        self._held[LOOKAHEAD:] = _window_minimum(need, LOOKAHEAD)[:slab]
        gain = _moving_average(self._held, LOOKAHEAD - MARGIN)
        for samples, out in self._delayed:
            np.multiply(samples, gain, out=out)
        self.gain = float(gain.min())
        self.peak = _peak(self.outlet.reshape(1, -1))
        self.limited_frames += int(np.count_nonzero(gain < 0.9999))
        need[:LOOKAHEAD] = need[slab:]
        self._held[:LOOKAHEAD] = self._held[slab:]
        self._resting = bool(need[:LOOKAHEAD].min() == 1 and self._held[:LOOKAHEAD].min() == 1)

    def _needed(self) -> Samples:
        """The gain that each new frame, and the curve just before it, allows: float32 (slab,)."""
        highest = np.full(self.inlet.shape[1], self.ceiling, np.float32)
        lowest = -highest
        for channel in self._line[:, LOOKAHEAD - TAPS + 1 :]:
            between = interpolated(channel, self._taps)
            new = channel[TAPS - 1 :]
            for points in (new, *between):
                np.maximum(highest, points, out=highest)
                np.minimum(lowest, points, out=lowest)
        np.maximum(highest, np.negative(lowest, out=lowest), out=highest)
        return np.divide(np.float32(self.ceiling), highest, out=highest)

    def _recovering(self, needed: Samples, last: float) -> Samples:
        """Let the gain rise by no more than the release allows: float32 (slab,)."""
        needed[0] = min(needed[0], last + RELEASE_PER_S / SAMPLE_RATE)
        needed -= self._recovery
        np.minimum.accumulate(needed, out=needed)
        needed += self._recovery
        needed[needed > 1 - 1e-6] = 1  # rounding must not keep it from ever coming to rest
        return needed


def _peak(samples: Samples) -> float:
    """The largest absolute value of float32 (rows, frames)."""
    highs: list[float] = np.maximum.reduce(samples, axis=1).tolist()
    lows: list[float] = np.minimum.reduce(samples, axis=1).tolist()
    return max(*highs, -min(lows))


def interpolation_taps() -> Samples:
    """Windowed sincs for the points ¼, ½ and ¾ of the way between two samples: float32 (3, TAPS)."""
    places = np.arange(TAPS) - (TAPS // 2 - 1)
    rows = []
    for quarter in (0.25, 0.5, 0.75):
        distance = places - quarter
        row = np.sinc(distance) * np.cos(math.pi * distance / (TAPS + 1)) ** 2
        rows.append(row / row.sum())
    return np.array(rows, np.float32)


def interpolated(samples: Samples, taps: Samples) -> Samples:
    """The points between samples, float32 (3, n) for n + TAPS − 1 samples; column i lies `TAPS // 2` − 1 behind
    the middle of its window, which begins at sample i."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, len(samples) - TAPS + 1)
    points: Samples = np.matmul(taps, np.ascontiguousarray(windows))  # a product of a copy: 6 times np.correlate
    return points


def _window_minimum(values: Samples, span: int) -> Samples:
    """Minimum of each value and the `span` after it; `span` values shorter than `values`."""
    width, smallest = 1, values
    while width * 2 <= span + 1:
        smallest = np.minimum(smallest[:-width], smallest[width:])
        width *= 2
    rest = span + 1 - width
    return np.minimum(smallest[: len(smallest) - rest], smallest[rest:]) if rest else smallest


def _moving_average(held: Samples, span: int) -> Samples:
    """Mean over each value and the `span` before it, for the frames of the slab: float32."""
    total = np.cumsum(held[LOOKAHEAD - span - 1 :], dtype=np.float64)
    mean = (total[span + 1 :] - total[: -span - 1]) / (span + 1)
    return mean.astype(np.float32)
