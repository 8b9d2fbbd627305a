"""Evidence from the recording: is that song in what was played? By matched filter, knowing nothing of the mixer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
SNIPPET_S = 4.0
MATCH = 10.0  # peak over the RMS of all alignments; over a minute, chance alone reaches about 6

Mono = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Heard:
    """Where a song was found: seconds into the recording, and how far the match stands above chance."""

    at_s: float
    strength: float

    @property
    def certain(self) -> bool:
        return self.strength >= MATCH


def read_mono(path: Path, start_s: float = 0.0, seconds: float = -1.0) -> Mono:
    """A piece of an audio file as one channel at 48 kHz, (frames,)."""
    import soundfile
    import soxr

    rate = soundfile.info(str(path)).samplerate
    frames = -1 if seconds < 0 else round(seconds * rate)
    samples, _ = soundfile.read(str(path), start=round(start_s * rate), frames=frames, dtype="float32", always_2d=True)
    mono: Mono = samples.mean(axis=1)
    return mono if rate == RATE else soxr.resample(mono, rate, RATE)


def find_song(recording: Mono, song: Mono) -> Heard:
    """The best match of any few seconds of `song` in `recording`, both mono at 48 kHz.

    Several snippets of the song are slid over the recording; the recording is whitened first, so that a loud
    low rumble cannot hide a quiet match.
    """
    length = round(SNIPPET_S * RATE)
    starts = range(length // 4, max(len(song) - length, 1), length)
    best = Heard(0.0, 0.0)
    if len(recording) < length or len(song) < length:
        return best
    size = 1 << (len(recording) + length - 1).bit_length()
    spectrum = _whitened(np.fft.rfft(recording, size))
    for start in starts:
        snippet = _whitened(np.fft.rfft(song[start : start + length], size))
        match = np.abs(np.fft.irfft(spectrum * np.conj(snippet), size)[: len(recording)])
        at = int(match.argmax())
        strength = float(match[at] / (np.sqrt(np.mean(match**2)) + 1e-20))
        if strength > best.strength:
            best = Heard(at / RATE, strength)
    return best


def peak_dbfs(path: Path) -> float:
    """Highest sample of a recording in dBFS."""
    samples = read_all(path)
    peak = float(np.abs(samples).max()) if samples.size else 0.0
    return 20 * float(np.log10(max(peak, 1e-9)))


def read_all(path: Path) -> NDArray[np.float32]:
    """Every channel, (frames, channels)."""
    import soundfile

    samples: NDArray[np.float32] = soundfile.read(str(path), dtype="float32", always_2d=True)[0]
    return samples


def _whitened(spectrum: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Equal weight to all frequencies that carry anything."""
    level = np.abs(spectrum)
    flat: NDArray[np.complex128] = spectrum / (level + 0.05 * level.mean() + 1e-20)
    return flat
