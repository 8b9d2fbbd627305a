"""Soft held tones: each note is a cluster of narrow bands of noise, so it breathes like many players at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml.synth_noise import RATE_HZ, Dice, Sound, as_sound, drift, levelled, stereo_noise

LOW_HZ = 160.0


def hz_of(pitch: float) -> float:
    """The frequency of a MIDI pitch (69 is A, 440 Hz)."""
    return float(440 * 2 ** ((pitch - 69) / 12))


def choir(
    rng: np.random.Generator, frames: int, hz: float, *, cents: float = 9, partials: int = 9, slope: float = 1.7
) -> Sound:
    """One held tone that repeats after `frames`: partials falling as 1/k^slope, each some cents wide; (2, frames)."""
    spectrum = np.zeros((2, frames // 2 + 1), dtype=np.complex64)
    for k in range(1, partials + 1):
        centre = k * hz * frames / RATE_HZ
        spread = max(centre * (2 ** (cents / 1200) - 1), 0.6)
        low, high = int(centre - 4 * spread), int(centre + 4 * spread) + 1
        if high >= frames // 2:
            break
        bins = np.arange(low, high + 1)
        bell = np.exp(-0.5 * ((bins - centre) / spread) ** 2) / np.sqrt(spread) / k**slope
        phase = rng.uniform(0, 2 * np.pi, (2, len(bins)))
        spectrum[:, bins] += (bell * np.exp(1j * phase)).astype(np.complex64)
    tone = np.fft.irfft(spectrum, frames)
    if hz < LOW_HZ:  # low notes stand in the middle
        near = np.float32(hz / LOW_HZ)
        tone = near * tone + (1 - near) * tone[::-1]
    return levelled(tone)


def drone(dice: Dice, frames: int) -> Sound:
    """A still chord of D and A over three octaves whose voices come and go; (2, frames)."""
    rng = dice.rng
    voices = [  # pitch, level, how far it comes and goes
        (38, 0.9, 0.15), (45, 0.55, 0.3), (50, 0.55, 0.35), (57, 0.34, 0.5), (62, 0.22, 0.6), (64, 0.10, 0.9),
        (66, 0.08, 0.9), (69, 0.12, 0.8), (74, 0.05, 0.9),
    ]  # fmt: skip
    sound = np.zeros((2, frames), dtype=np.float32)
    for pitch, level, sway in voices:
        breath = np.exp(np.float32(sway) * drift(rng, frames, 0.1))
        tone = choir(rng, frames, hz_of(pitch), cents=dice.around(7), partials=7, slope=dice.around(1.9, 1.2))
        sound += np.float32(level) * tone * breath
    air = stereo_noise(rng, frames, [(80, -20), (400, -6), (900, 0), (2500, -8), (8000, -26), (20000, -60)], 0.9)
    return sound + np.float32(0.02) * air


def chord(rng: np.random.Generator, pitches: Sequence[float], seconds: float, *, rise_s: float, fall_s: float) -> Sound:
    """A held chord that swells and sinks: (2, frames) with `fall_s` added after `seconds`."""
    frames = int((seconds + fall_s) * RATE_HZ) // 2 * 2
    ground = 2**18  # one held tone of 5.5 s closes on itself, so a longer one just goes round
    sound = np.zeros((2, ground), dtype=np.float32)
    for pitch in pitches:
        sound += choir(rng, ground, hz_of(pitch), slope=2.0) * np.float32((62 / max(pitch, 44)) ** 0.5)
    held = np.tile(sound, (1, -(-frames // ground)))[:, :frames]
    time_s = np.arange(frames) / RATE_HZ
    swell = np.sin(np.clip(time_s / rise_s, 0, 1) * np.pi / 2) ** 2
    sink = np.cos(np.clip((time_s - seconds) / fall_s, 0, 1) * np.pi / 2) ** 2
    return as_sound(held * as_sound(swell * sink) / np.float32(np.sqrt(len(pitches))))
