"""Level meters: what each strip puts out, with the ballistics of a needle."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mixer.envelope import Samples
from mixer.scene import SAMPLE_RATE
from mixer.trail import Trail

RMS_TIME_S = 0.3  # as a VU meter
PEAK_FALL_DB_PER_S = 20.0

Numbers = npt.NDArray[np.floating]


class RowMeter:
    """Which rows of samples belong to which strips, and how loud they are sent."""

    def __init__(self, strips: Sequence[int]) -> None:
        """strips: each row's."""
        self.strips = tuple(strips)
        self.power: list[float] = []
        self.peak: list[float] = []

    def weigh(self, gains: Numbers) -> None:
        """Set the rows' gains to the outputs, (outputs, rows)."""
        self.power = np.square(gains).mean(axis=0).tolist()
        self.peak = np.abs(gains).max(axis=0).tolist()


class Meters:
    """Peak and RMS of `count` strips, after their faders. Linear amplitudes; read from any thread.

    From numbers per row on it is all plain Python: for so few, numpy's ways are longer than what they lead to.
    """

    def __init__(self, count: int, frames: int, every: int) -> None:
        """`add` will be given `frames` frames, each time `every` frames have gone by."""
        seconds = every / SAMPLE_RATE
        self._trail = Trail(([0.0] * count, [0.0] * count))
        self._kept = math.exp(-seconds / RMS_TIME_S)
        self._new = (1 - self._kept) / frames
        self._fall = 10 ** (-PEAK_FALL_DB_PER_S * seconds / 20)

    def at(self, frame: int) -> tuple[list[float], list[float]]:
        """(peaks, RMS) of what sounds at one of the last frames."""
        peak, power = self._trail.at(frame)
        return peak, [math.sqrt(each * self._new) for each in power]

    def decay(self, frame: int) -> None:
        """One step has passed; `add` what sounds in the next, from `frame` on."""
        peak, power = self._trail.last
        self._trail.add(frame, ([each * self._fall for each in peak], [each * self._kept for each in power]))

    def go_back(self, frame: int) -> None:
        """What was added for `frame` and later did not sound."""
        self._trail.go_back(frame)

    def add(self, rows: Samples, meter: RowMeter) -> None:
        """Count float32 (rows, frames) as `meter` says."""
        peak, power = self._trail.last
        squares = np.vecdot(rows, rows).tolist()
        highs, lows = np.maximum.reduce(rows, axis=1).tolist(), np.minimum.reduce(rows, axis=1).tolist()
        for strip, power_gain, peak_gain, square, high, low in zip(
            meter.strips, meter.power, meter.peak, squares, highs, lows, strict=True
        ):
            power[strip] += power_gain * square
            peak[strip] = max(peak[strip], peak_gain * high, -peak_gain * low)
