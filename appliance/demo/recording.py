"""Evidence from the recording: is that song in what was played? By matched filter, knowing nothing of the mixer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
SNIPPET_S = 3.0
AGREEING = 3  # snippets that must point to the same beginning; by chance not even two do
SAME_S = 0.01

Mono = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Heard:
    """Where a song begins in a recording (it may be before it), and how many of its snippets say so."""

    at_s: float
    agreeing: int  # no more are asked than make it certain

    @property
    def certain(self) -> bool:
        return self.agreeing >= AGREEING


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
    """Slide snippets of `song` over `recording`, both mono at 48 kHz, and ask where each fits best.

    A song that is there makes its snippets agree on one beginning to a hundredth of a second, however quiet it is;
    snippets of one that is not there fit best anywhere. Both are whitened first, so that a loud low rumble cannot
    hide a quiet match.
    """
    length = round(SNIPPET_S * RATE)
    if len(recording) < length or len(song) < length:
        return Heard(0.0, 0)
    size = _smooth(len(recording) + length - 1)
    spectrum = _whitened(np.fft.rfft(recording, size))
    beginnings: list[float] = []
    heard = Heard(0.0, 0)
    for start in range(0, len(song) - length + 1, length):
        snippet = _whitened(np.fft.rfft(song[start : start + length], size))
        match = np.abs(np.fft.irfft(spectrum * np.conj(snippet), size)[: len(recording)])
        beginnings.append((int(match.argmax()) - start) / RATE)
        heard = _most_agreed(beginnings)
        if heard.certain:
            break  # the others could only say so again
    return heard


def _smooth(length: int) -> int:
    """The next length of which 2, 3 and 5 are the only prime factors: a transform of the next power of two takes up to
    twice as long."""
    smooth = 1 << (length - 1).bit_length()
    for three in range(12):
        for five in range(9):
            odd = 3**three * 5**five
            smooth = min(smooth, odd << max((-(-length // odd) - 1).bit_length(), 0))
    return smooth


def _most_agreed(beginnings: list[float]) -> Heard:
    votes = [sum(abs(other - at_s) <= SAME_S for other in beginnings) for at_s in beginnings]
    best = max(range(len(votes)), key=votes.__getitem__)
    return Heard(beginnings[best], votes[best])


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
