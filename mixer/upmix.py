"""Stereo into a rig nobody measured: each further speaker plays a copy whose phases are its own.

Two speakers with the same signal comb wherever one stands between them. A copy that went through an all-pass
filter with a random, smooth delay per frequency sounds the same and adds by power, not by waves.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mixer.envelope import Samples
from mixer.scene import SAMPLE_RATE

TAPS = 4096
SPREAD_S = 0.018  # the delays differ by up to this: more is heard as an echo
KNOT_HZ = 90.0  # how often the delay changes along the frequency
SEED = 47  # of sixty the one whose sum in the middle of a rig is flattest


class Upmix:
    """Two channels to `outputs`; the first two stay as they are. Power as a whole is kept."""

    def __init__(self, outputs: int, slab: int) -> None:
        if slab < TAPS:
            raise ValueError(f"slabs of {slab} frames are shorter than the filters of {TAPS}")
        self._outputs = outputs
        self._level = np.float32(np.sqrt(2 / outputs))
        self._past = np.zeros((2, slab), np.float32)
        responses = decorrelators(outputs - 2, 2 * slab)
        self._responses = (responses * self._level).astype(np.complex64)

    def process(self, stereo: Samples, out: Samples) -> None:
        """float32 (2, slab) into (outputs, slab); output k copies the left side if even, the right if odd."""
        slab = stereo.shape[1]
        spectrum = np.fft.rfft(np.concatenate((self._past, stereo), axis=1), axis=1)
        np.multiply(stereo, self._level, out=out[:2])
        for copy, response in enumerate(self._responses):
            out[2 + copy] = np.fft.irfft(spectrum[copy % 2] * response, 2 * slab)[slab:]
        self._past[:] = stereo


def decorrelators(count: int, frames: int) -> npt.NDArray[np.complex128]:
    """Frequency responses (count, frames // 2 + 1) of all-pass filters of `TAPS` taps, always the same ones."""
    random = np.random.default_rng(SEED)
    hz = np.fft.rfftfreq(TAPS, 1 / SAMPLE_RATE)
    knots = np.arange(0, SAMPLE_RATE / 2 + KNOT_HZ, KNOT_HZ)
    filters = []
    for _ in range(count):
        delay_s = np.interp(hz, knots, random.uniform(0.002, SPREAD_S, len(knots)))
        phase = -2 * np.pi * np.cumsum(delay_s) * hz[1]
        filters.append(np.fft.rfft(np.fft.irfft(np.exp(1j * phase), TAPS), frames))
    return np.array(filters).reshape(count, frames // 2 + 1)
