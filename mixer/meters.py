"""Level meters: what each strip puts out, with the ballistics of a needle."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mixer.envelope import Samples
from mixer.scene import SAMPLE_RATE

RMS_TIME_S = 0.3  # as a VU meter
PEAK_FALL_DB_PER_S = 20.0

Numbers = npt.NDArray[np.floating]


class RowMeter:
    """Which rows of samples belong to which strip (a strip's rows lie together), and how loud they are sent."""

    def __init__(self, strips: Sequence[int], count: int) -> None:
        """strips: each row's. count: how many strips there are."""
        firsts = [row for row, strip in enumerate(strips) if row == 0 or strips[row - 1] != strip]
        self.firsts = np.array(firsts)
        self.strips = _places([strips[row] for row in firsts])
        self._belongs = np.arange(count)[:, None] == np.array(strips)
        self.power: Numbers = np.zeros((count, len(strips)))
        self.peak: Numbers = np.zeros(len(strips))

    def weigh(self, gains: Numbers) -> None:
        """Set the rows' gains to the outputs, (outputs, rows)."""
        self.power = self._belongs * np.square(gains, dtype=np.float32).mean(axis=0)
        self.peak = np.abs(gains).max(axis=0).astype(np.float32)


def _places(strips: list[int]) -> slice | npt.NDArray[np.intp]:
    """How to find these strips among all: neighbours are found in a fraction of the time."""
    first, last = strips[0], strips[-1]
    return slice(first, last + 1) if strips == list(range(first, last + 1)) else np.array(strips)


class Meters:
    """Peak and RMS of `count` strips, after their faders. Linear amplitudes; read from any thread."""

    def __init__(self, count: int, frames: int, every: int) -> None:
        """`add` will be given `frames` frames, each time `every` frames have gone by."""
        seconds = every / SAMPLE_RATE
        self.peak = np.zeros(count)
        self._power = np.zeros(count)
        self._kept = math.exp(-seconds / RMS_TIME_S)
        self._new = (1 - self._kept) / frames
        self._fall = 10 ** (-PEAK_FALL_DB_PER_S * seconds / 20)

    @property
    def rms(self) -> npt.NDArray[np.float64]:
        return np.sqrt(self._power)

    def decay(self) -> None:
        """One step has passed; `add` what sounded in it."""
        self._power *= self._kept
        self.peak *= self._fall

    def add(self, rows: Samples, meter: RowMeter) -> None:
        """Count float32 (rows, frames) as `meter` says."""
        self._power += self._new * np.dot(meter.power, np.vecdot(rows, rows))
        highest = np.maximum(np.maximum.reduce(rows, axis=1), -np.minimum.reduce(rows, axis=1))
        highest *= meter.peak
        strips = meter.strips
        self.peak[strips] = np.maximum(self.peak[strips], np.maximum.reduceat(highest, meter.firsts))
