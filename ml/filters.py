"""The fixed matrices behind the features: mel bands, the cosine transform, and the twelve tones of the octave."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 22_050
FRAME = 2048  # 93 ms
HOP = 512  # 23 ms
TONE_FRAME = 8192  # 372 ms: long enough to tell semitones apart from 100 Hz up

Matrix = NDArray[np.float32]


@lru_cache(maxsize=1)
def mel_bands(bands: int = 128) -> Matrix:
    """Triangles of equal area along the mel scale (linear to 1 kHz, then logarithmic): (1025, bands)."""
    edges_hz = _mel_to_hz(np.linspace(0, _hz_to_mel(RATE_HZ / 2), bands + 2))
    hz = np.fft.rfftfreq(FRAME, 1 / RATE_HZ)[:, None]
    rising = (hz - edges_hz[:-2]) / np.diff(edges_hz)[:-1]
    falling = (edges_hz[2:] - hz) / np.diff(edges_hz)[1:]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * 2 / (edges_hz[2:] - edges_hz[:-2])).astype(np.float32)


def _hz_to_mel(hz: float) -> float:
    return hz * 3 / 200 if hz < 1000 else 15 + float(np.log(hz / 1000)) * 27 / float(np.log(6.4))


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))


@lru_cache(maxsize=1)
def cosines(bands: int = 128, kept: int = 20) -> Matrix:
    """The orthonormal cosine transform, its first `kept` terms: (bands, kept)."""
    at = np.pi * (np.arange(bands) + 0.5) / bands
    table = np.cos(np.outer(at, np.arange(kept))) * np.sqrt(2 / bands)
    table[:, 0] /= np.sqrt(2)
    return np.asarray(table, dtype=np.float32)


@lru_cache(maxsize=1)
def tones() -> Matrix:
    """How much each bin of a long frame belongs to each tone of the octave, C first: (4097, 12)."""
    hz = np.fft.rfftfreq(TONE_FRAME, 1 / RATE_HZ)
    hz[0] = hz[1]
    semitone = 69 + 12 * np.log2(hz / 440)
    away = np.mod(semitone[:, None] - np.arange(12) + 6, 12) - 6
    near = np.exp(-0.5 * (away / 0.5) ** 2)
    weight = np.exp(-0.5 * ((semitone - 60) / 24) ** 2) * (hz > 60) / hz
    return np.asarray(near * weight[:, None] * 1000, dtype=np.float32)


@lru_cache(maxsize=1)
def hann(length: int = FRAME) -> Matrix:
    """The periodic Hann window."""
    return np.hanning(length + 1)[:-1].astype(np.float32)
