"""Length, loudness and peak of an audio file, read in blocks: BS.1770 without tables, by the power spectrum.

Power is taken through the K curve in the frequency domain by steps of 100 ms; blocks are four steps, gated as the
standard says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

STEP_S = 0.1
STEPS_PER_BLOCK = 4
SILENCE_PEAK_DB = -60.0
_ABSOLUTE_GATE = -70.0
_RELATIVE_GATE = -10.0
_OVERSAMPLE = 4
_OVERSHOOT = 1.6  # more than band-limited sound rises between its samples in practice
_READ_S = 5.0


@dataclass(frozen=True, slots=True)
class Measure:
    """duration_s; loudness_lufs integrated, None when all of it is below −70 LUFS; true_peak_dbtp over 4×."""

    duration_s: float
    loudness_lufs: float | None
    true_peak_dbtp: float

    @property
    def silent(self) -> bool:
        return self.true_peak_dbtp < SILENCE_PEAK_DB


def measure(path: Path) -> Measure:
    """Raises soundfile.LibsndfileError for what cannot be read, ValueError for a file without sound in it."""
    with soundfile.SoundFile(path) as file:
        rate_hz = file.samplerate
        chunks = _chunks(file, rate_hz)
        powers, peak, frames = _powers_and_peak(chunks, rate_hz)
    if not frames:
        raise ValueError("no audio in it")
    return Measure(frames / rate_hz, integrated(powers), _decibels(peak))


def integrated(powers: NDArray[np.float64]) -> float | None:
    """LUFS of K-weighted block powers (n,), gated absolutely and relatively."""
    loud = powers[_lufs(powers) > _ABSOLUTE_GATE]
    if not len(loud):
        return None
    kept = loud[_lufs(loud) > float(_lufs(loud.mean())) + _RELATIVE_GATE]
    return float(_lufs(kept.mean()))


def k_weight(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power gain of the K curve at these frequencies: a high shelf of +4 dB, then a high pass at 38 Hz."""
    w = 1j * hz
    shelf_hz, q = 1681.97, 0.7071752
    gain = 10 ** (3.99984 / 20)
    middle = gain**0.4996667
    shelf = (gain * w**2 + middle * shelf_hz / q * w + shelf_hz**2) / (w**2 + shelf_hz / q * w + shelf_hz**2)
    low_hz, low_q = 38.1355, 0.5003270
    high_pass = w**2 / (w**2 + low_hz / low_q * w + low_hz**2)
    return np.asarray(np.abs(shelf * high_pass) ** 2, dtype=np.float64)


def _chunks(file: soundfile.SoundFile, rate_hz: int) -> Iterator[NDArray[np.float32]]:
    """(frames, channels), at most two channels: what a room plays."""
    while len(block := file.read(int(_READ_S * rate_hz), dtype="float32", always_2d=True)):
        yield np.nan_to_num(block[:, :2], nan=0.0, posinf=1.0, neginf=-1.0)


def _powers_and_peak(chunks: Iterator[NDArray[np.float32]], rate_hz: int) -> tuple[NDArray[np.float64], float, int]:
    """K-weighted power of each 400 ms (n,), the true peak, and how many frames there were."""
    size = round(STEP_S * rate_hz)
    steps: list[NDArray[np.float64]] = []
    peak, frames = 0.0, 0
    for chunk in chunks:
        frames += len(chunk)
        peak = max(peak, _true_peak(chunk, rate_hz, peak))
        steps.append(_step_powers(chunk, size, rate_hz))
    powers = np.concatenate(steps) if steps else np.zeros(0)
    width = min(STEPS_PER_BLOCK, max(len(powers), 1))  # shorter than one block: measure what there is
    return np.convolve(powers, np.full(width, 1 / width), "valid") if len(powers) else powers, peak, frames


def _step_powers(chunk: NDArray[np.float32], size: int, rate_hz: int) -> NDArray[np.float64]:
    """K-weighted power of each whole 100 ms of the chunk, channels summed; a rest at the end is left out."""
    weight = k_weight(np.fft.rfftfreq(size, 1 / rate_hz).astype(np.float64)) * 2 / size**2
    whole = len(chunk) // size
    spectra = np.fft.rfft(chunk[: whole * size].reshape(whole, size, -1), axis=1)
    return np.asarray((np.abs(spectra) ** 2).sum(axis=2) @ weight)


def _true_peak(chunk: NDArray[np.float32], rate_hz: int, known_peak: float) -> float:
    """The peak between the samples too, where it can be above what is known."""
    sample_peak = float(np.abs(chunk).max(initial=0.0))
    if sample_peak * _OVERSHOOT <= known_peak:
        return sample_peak
    return max(sample_peak, float(np.abs(soxr.resample(chunk, rate_hz, rate_hz * _OVERSAMPLE, "LQ")).max(initial=0.0)))


def _lufs(power: NDArray[np.float64] | np.floating) -> NDArray[np.float64]:
    return np.asarray(-0.691 + 10 * np.log10(np.maximum(power, 1e-20)))


def _decibels(amplitude: float) -> float:
    return max(-120.0, 20 * float(np.log10(max(amplitude, 1e-6))))
