"""Fifty-six numbers that say how a sound sounds, at any length in the memory of one segment.

In this order: 20 MFCC means, their 20 standard deviations, spectral centroid and 85 % rolloff (Hz), flatness, zero
crossings per sample, 12 chroma means (C first). All of mono at 22.05 kHz; a file shorter than 5 s is looped to 5 s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ml.errors import AudioError
from ml.filters import FRAME, HOP, RATE_HZ, TONE_FRAME, cosines, hann, mel_bands, tones
from ml.resample import Samples, to_analysis_rate

__all__ = ["FEATURES", "AudioError", "extract", "extract_file"]

FEATURES = 56
SEGMENT_S = 30
SHORTEST_S = 5
FLOOR_DB = 80.0  # quieter than the segment's loudest band by more than this counts as this
SLOWEST_HZ, FASTEST_HZ = 1_000, 384_000
_FRAMES_AT_ONCE = 256

Floats = NDArray[np.float64]


def extract(samples: NDArray[np.floating], sample_rate: int) -> Floats:
    """The features (56,) of samples (frames,) or (frames, channels), −1 … 1. Raises `AudioError`."""
    sound = np.asarray(samples)
    if sound.ndim not in (1, 2) or not sound.size:
        raise AudioError(f"no sound: samples need the shape (frames,) or (frames, channels), got {sound.shape}")
    _check_rate(sample_rate)
    if len(sound) < SHORTEST_S * sample_rate:
        sound = _looped(sound, SHORTEST_S * sample_rate)
    step = SEGMENT_S * sample_rate
    return _of_segments((sound[start : start + step] for start in range(0, len(sound), step)), sample_rate)


def extract_file(path: Path | str) -> Floats:
    """The features (56,) of a sound file that libsndfile reads, a segment at a time. Raises `AudioError`."""
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            _check_rate(file.samplerate)
            if file.frames < SHORTEST_S * file.samplerate:
                return extract(file.read(dtype="float32"), file.samplerate)
            blocks = file.blocks(SEGMENT_S * file.samplerate, dtype="float32")
            return _of_segments(blocks, file.samplerate)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"cannot read {path} as sound ({error}); send wav, flac, ogg, opus or mp3") from error


def _check_rate(sample_rate: int) -> None:
    if not SLOWEST_HZ <= sample_rate <= FASTEST_HZ:
        raise AudioError(f"a sample rate lies between {SLOWEST_HZ} and {FASTEST_HZ} Hz, got {sample_rate}")


def _looped(sound: NDArray[np.floating], frames: int) -> NDArray[np.floating]:
    """Looped, not padded: silence after a short sound would be taken for part of it."""
    copies = -(-frames // len(sound))
    return np.tile(sound, (copies, 1) if sound.ndim == 2 else copies)[:frames]


def _of_segments(segments: Iterable[NDArray[np.floating]], sample_rate: int) -> Floats:
    total = _Sums()
    for segment in segments:
        mono = segment.mean(axis=1) if segment.ndim == 2 else segment
        if not np.isfinite(mono).all():
            raise AudioError("the sound has samples that are not finite; export it again")
        total.add(to_analysis_rate(mono.astype(np.float32), sample_rate))
    return total.features()


@dataclass
class _Sums:
    """What is kept of the segments that went by: sums over frames."""

    frames: int = 0
    mfcc: Floats = field(default_factory=lambda: np.zeros(20))
    mfcc_squares: Floats = field(default_factory=lambda: np.zeros(20))
    shape: Floats = field(default_factory=lambda: np.zeros(3))
    crossings: float = 0.0
    samples: int = 0
    chroma: Floats = field(default_factory=lambda: np.zeros(12))
    tone_frames: int = 0

    def add(self, mono: Samples) -> None:
        """One segment of mono at 22.05 kHz. A last rest shorter than a frame adds nothing to what came before."""
        if len(mono) < FRAME and self.frames:
            return
        mels = []
        for magnitudes in _spectra(np.pad(mono, FRAME // 2), FRAME, HOP):
            mels.append(np.square(magnitudes) @ mel_bands())
            self.shape += _shape_sums(magnitudes)
        mfcc = _decibels(np.concatenate(mels)) @ cosines()
        self.frames += len(mfcc)
        self.mfcc += mfcc.sum(axis=0, dtype=np.float64)
        self.mfcc_squares += np.square(mfcc, dtype=np.float64).sum(axis=0)
        signs = np.signbit(mono)
        self.crossings += float((signs[1:] != signs[:-1]).sum())
        self.samples += len(mono)
        for magnitudes in _spectra(np.pad(mono, TONE_FRAME // 2), TONE_FRAME, TONE_FRAME // 2):
            self._add_tones(magnitudes)

    def _add_tones(self, magnitudes: Samples) -> None:
        strength = magnitudes @ tones()
        loudest = strength.max(axis=1, keepdims=True)
        self.chroma += np.divide(strength, loudest, out=np.ones_like(strength), where=loudest > 1e-9).sum(axis=0)
        self.tone_frames += len(strength)

    def features(self) -> Floats:
        """The means of all that was added, (56,)."""
        mean = self.mfcc / self.frames
        spread = np.sqrt(np.maximum(self.mfcc_squares / self.frames - mean * mean, 0))
        crossings = self.crossings / self.samples
        return np.concatenate([mean, spread, self.shape / self.frames, [crossings], self.chroma / self.tone_frames])


def _spectra(line: Samples, length: int, hop: int) -> Iterator[Samples]:
    """Magnitudes of windowed frames, some hundred at a time: (frames, length/2 + 1)."""
    windows = sliding_window_view(line, length)[::hop]
    for start in range(0, len(windows), _FRAMES_AT_ONCE):
        yield np.abs(np.fft.rfft(windows[start : start + _FRAMES_AT_ONCE] * hann(length), axis=1))


def _shape_sums(magnitudes: Samples) -> Floats:
    """Centroid (Hz), rolloff (Hz) and flatness, each summed over the frames: (3,). Silent frames add the floor."""
    hz = np.fft.rfftfreq(FRAME, 1 / RATE_HZ).astype(np.float32)
    total = magnitudes.sum(axis=1)
    centroid = np.divide(magnitudes @ hz, total, out=np.zeros_like(total), where=total > 0)
    below = np.cumsum(magnitudes, axis=1) < 0.85 * total[:, None]
    power = np.maximum(np.square(magnitudes), 1e-10)
    flatness = np.exp(np.log(power).mean(axis=1)) / power.mean(axis=1)
    return np.array([centroid.sum(), hz[below.sum(axis=1)].sum(), flatness.sum()], dtype=np.float64)


def _decibels(power: Samples) -> Samples:
    level = 10 * np.log10(np.maximum(power, 1e-10))
    return np.asarray(np.maximum(level, level.max() - FLOOR_DB), dtype=np.float32)
