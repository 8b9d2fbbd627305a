"""Noise on a circle: everything here repeats exactly after `frames`, so a loop made of it has no seam.

Spectra are drawn directly and turned into sound by one inverse FFT; grains are laid out around the circle.
All sound is float32; stereo is (2, frames).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000

Sound = NDArray[np.float32]
Spectrum = NDArray[np.complex64]
Points = Sequence[tuple[float, float]]  # (Hz, dB), rising in Hz


def as_sound(values: NDArray[np.floating]) -> Sound:
    """The values as float32, not copied when they are already."""
    return np.asarray(values, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Dice:
    """Chance for one sound: the generator, and how far its character may stray (0: never, 1: as in nature)."""

    rng: np.random.Generator
    spread: float

    def around(self, value: float, ratio: float = 1.5) -> float:
        """A number near `value`, at most `ratio` times or one `ratio`-th of it at full spread."""
        return float(value * ratio ** (self.spread * self.rng.uniform(-1, 1)))

    def shift(self, amount: float) -> float:
        """A number near 0, at most `amount` away at full spread."""
        return float(amount * self.spread * self.rng.uniform(-1, 1))


def gain_curve(frames: int, points: Points) -> Sound:
    """Amplitude per FFT bin (frames//2 + 1,) through the points, straight in dB over log frequency; no DC."""
    hz = np.fft.rfftfreq(frames, 1 / RATE_HZ)
    hz[0] = hz[1]
    level_db = np.interp(np.log(hz), np.log([p[0] for p in points]), [p[1] for p in points])
    gain: Sound = (10 ** (level_db / 20)).astype(np.float32)
    gain[0] = 0
    return gain


def noise(rng: np.random.Generator, frames: int, points: Points) -> Sound:
    """Gaussian noise (frames,) with this spectrum, RMS 1."""
    bins = frames // 2 + 1
    flat = rng.standard_normal(2 * bins, dtype=np.float32).view(np.complex64)
    return levelled(np.fft.irfft(flat * gain_curve(frames, points), frames))


def stereo_noise(rng: np.random.Generator, frames: int, points: Points, width: float = 0.6) -> Sound:
    """Noise in both ears (2, frames), RMS 1; `width` 0 is the same in both, 1 has nothing in common."""
    left, right = noise(rng, frames, points), noise(rng, frames, points)
    angle = np.float32(np.arccos(1 - width) / 2 if width < 1 else np.pi / 4)
    near, far = np.cos(np.pi / 4 - angle), np.sin(np.pi / 4 - angle)
    return np.stack([near * left + far * right, near * right + far * left]).astype(np.float32)


def levelled(sound: NDArray[np.floating]) -> Sound:
    """The sound at RMS 1 (silence stays silent)."""
    rms = float(np.sqrt(np.mean(np.square(sound))))
    return as_sound(sound / rms if rms > 0 else sound)


def drift(rng: np.random.Generator, frames: int, hz: float) -> Sound:
    """A smooth random curve (frames,) with parts up to `hz`, mean 0 and RMS 1, that meets itself."""
    turns = max(2, round(hz * frames / RATE_HZ))
    points = 16 * turns
    shape = np.zeros(points // 2 + 1, dtype=np.complex128)
    shape[1 : turns + 1] = rng.standard_normal(turns) + 1j * rng.standard_normal(turns)
    shape[1 : turns + 1] /= np.sqrt(np.arange(1, turns + 1))
    coarse = np.fft.irfft(shape, points)
    coarse /= coarse.std()
    return stretched(coarse, frames)


def stretched(coarse: NDArray[np.floating], frames: int) -> Sound:
    """A coarse closed curve drawn out to `frames`, piecewise straight."""
    ring = np.append(coarse, coarse[0])
    return as_sound(np.interp(np.linspace(0, len(coarse), frames, endpoint=False), np.arange(len(ring)), ring))


def scatter(
    frames: int,
    at: NDArray[np.integer],
    strength: NDArray[np.floating],
    grain: Sound,
    place: NDArray[np.floating],
) -> Sound:
    """The grain (n,) laid out at these frames, each at its strength and its place, −1 left … 1 right: (2, frames)."""
    angle = (np.clip(place, -1, 1) + 1) * np.pi / 4
    gains = np.stack([strength * np.cos(angle), strength * np.sin(angle)]).astype(np.float32)
    grain = grain[:frames]
    length = len(grain)
    line = np.zeros((2, frames + length), dtype=np.float32)
    for ear in range(2):
        ear_line = line[ear]
        for start, gain in zip((at % frames).tolist(), gains[ear], strict=True):
            ear_line[start : start + length] += gain * grain
    line[:, :length] += line[:, frames:]
    return line[:, :frames]


def add_at(sound: Sound, start: int, part: Sound) -> None:
    """Adds a part (…, n), n ≤ frames, into a sound (…, frames) from `start`, around the circle."""
    frames = sound.shape[-1]
    start %= frames
    first = min(part.shape[-1], frames - start)
    sound[..., start : start + first] += part[..., :first]
    rest = part.shape[-1] - first
    sound[..., :rest] += part[..., first:]


def times(rng: np.random.Generator, frames: int, per_second: float) -> NDArray[np.integer]:
    """When things happen that know nothing of each other: frames, unsorted."""
    count = max(1, round(per_second * frames / RATE_HZ))
    return rng.integers(0, frames, count)
