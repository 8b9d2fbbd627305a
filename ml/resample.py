"""To 22.05 kHz from any rate, by a windowed sinc: one short filter for each place between two samples."""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from ml.filters import RATE_HZ

ZEROS = 16  # zero crossings on each side
ROLL_OFF = 0.94
Samples = NDArray[np.float32]


def to_analysis_rate(samples: Samples, sample_rate: int) -> Samples:
    """Mono samples (n,) at 22.05 kHz; the ends are taken as silence."""
    if sample_rate == RATE_HZ:
        return samples
    common = gcd(sample_rate, RATE_HZ)
    up, down = RATE_HZ // common, sample_rate // common
    cutoff = ROLL_OFF * min(1.0, up / down)
    reach = int(np.ceil(ZEROS / cutoff))
    count = len(samples) * up // down
    steps = -(-count // up)
    line = np.zeros(reach + steps * down + reach + down, dtype=np.float32)
    line[reach : reach + len(samples)] = samples
    out = np.empty((steps, up), dtype=np.float32)
    for phase, taps in enumerate(_bank(up, down, reach, cutoff)):
        whole = phase * down // up
        # Row k starts where output sample k·up + phase has its first tap.
        rows = as_strided(line[whole + 1 :], (steps, len(taps)), (line.strides[0] * down, line.strides[0]))
        out[:, phase] = rows @ taps
    return out.ravel()[:count]


@lru_cache(maxsize=4)
def _bank(up: int, down: int, reach: int, cutoff: float) -> tuple[Samples, ...]:
    """The filter of every phase: where between two samples the output sample lies."""
    return tuple(_taps(reach, phase * down % up / up, cutoff) for phase in range(up))


def _taps(reach: int, late: float, cutoff: float) -> Samples:
    """A Kaiser-windowed sinc (2·reach − 1,) centred `late` of a sample after its middle."""
    away = np.arange(1 - reach, reach) - late
    window = np.i0(9.0 * np.sqrt(np.maximum(0, 1 - (away / reach) ** 2))) / np.i0(9.0)
    return np.asarray(cutoff * np.sinc(cutoff * away) * window, dtype=np.float32)
