"""Level meters: what each strip and the whole mix put out, with the ballistics of a needle."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mixer.envelope import Samples
from mixer.scene import SAMPLE_RATE

RMS_TIME_S = 0.3  # as a VU meter
PEAK_FALL_DB_PER_S = 20.0


class Meters:
    """Peak and RMS of `count` strips, after their faders. Linear amplitudes; read from any thread."""

    def __init__(self, count: int, outputs: int) -> None:
        self.peak = np.zeros(count)
        self._power = np.zeros(count)
        self._outputs = outputs
        self._now_power = np.zeros(count)
        self._now_peak = np.zeros(count)

    @property
    def rms(self) -> npt.NDArray[np.float64]:
        return np.sqrt(self._power)

    def begin(self) -> None:
        self._now_power[:] = 0
        self._now_peak[:] = 0

    def add(self, rows: Samples, gains: Samples, strips: npt.NDArray[np.intp]) -> None:
        """Count rows (rows, n) that go to the outputs with `gains` (outputs, rows) for `strips` (rows,)."""
        power = np.vecdot(rows, rows) / rows.shape[1] * np.vecdot(gains.T, gains.T) / self._outputs
        highest = np.maximum(rows.max(axis=1), -rows.min(axis=1)) * np.abs(gains).max(axis=0)
        self._now_power += np.bincount(strips, weights=power, minlength=len(self.peak))
        np.maximum.at(self._now_peak, strips, highest)

    def end(self, frames: int) -> None:
        seconds = frames / SAMPLE_RATE
        self._power += (self._now_power - self._power) * (1 - math.exp(-seconds / RMS_TIME_S))
        self.peak *= 10 ** (-PEAK_FALL_DB_PER_S * seconds / 20)
        np.maximum(self.peak, self._now_peak, out=self.peak)
