"""Water: rain, waves on a beach, a thunderstorm far away, a stream."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml.synth_noise import (
    RATE_HZ,
    Dice,
    Sound,
    as_sound,
    drift,
    levelled,
    noise,
    scatter,
    stereo_noise,
    stretched,
    times,
)


def rain(dice: Dice, frames: int) -> Sound:
    """Steady rain on leaves: a soft hiss, the patter in it, and drops near by; (2, frames)."""
    rng, tilt = dice.rng, dice.shift(6)
    hiss = stereo_noise(
        rng,
        frames,
        [(40, -22), (120, -8), (400, -2 - tilt / 2), (1200, 0), (3500, -3), (7000, -9 + tilt / 2),
         (12000, -16 + tilt), (20000, -30 + tilt)],
        width=0.8,
    )  # fmt: skip
    patter = _drops(dice, frames, per_second=dice.around(500, 2.5), hz=(2200, 6500), ring_s=0.0025, kinds=60)
    near = _drops(dice, frames, per_second=dice.around(14, 3), hz=(900, 2800), ring_s=0.009, kinds=48)
    swell = 1 + np.float32(0.1) * drift(rng, frames, 0.2)
    sound = hiss * swell + dice.around(0.55, 1.6) * levelled(patter) * swell
    return as_sound(sound + dice.around(0.16, 2.5) * levelled(near))


def _drops(dice: Dice, frames: int, *, per_second: float, hz: tuple[float, float], ring_s: float, kinds: int) -> Sound:
    """Drops: short rings of several pitches, most of them faint, all over the place; (2, frames)."""
    rng = dice.rng
    sound = np.zeros((2, frames), dtype=np.float32)
    for pitch in np.geomspace(*hz, kinds) * rng.uniform(0.9, 1.1, kinds):
        at = times(rng, frames, per_second / kinds)
        grain = ring(float(pitch), ring_s * rng.uniform(0.7, 1.5), bend=rng.uniform(0, 0.15))
        strength = np.minimum(rng.lognormal(0, 0.7, len(at)), 3.0) * rng.choice([-1, 1], len(at))
        sound += scatter(frames, at, strength, grain, rng.uniform(-0.9, 0.9, len(at)))
    return sound


def ring(hz: float, decay_s: float, bend: float = 0.0) -> Sound:
    """One struck ring that dies away; its pitch rises by `bend` on the way, as a bubble's does."""
    time_s = np.arange(int(8 * decay_s * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * hz * time_s * (1 + bend * time_s / (8 * decay_s))
    rise = 1 - np.exp(-time_s / (0.15 * decay_s))
    return as_sound(np.sin(phase) * np.exp(-time_s / decay_s) * rise)


def waves(dice: Dice, frames: int) -> Sound:
    """Slow waves: each swells, breaks and runs back over the sand; (2, frames)."""
    rng = dice.rng
    length_s = frames / RATE_HZ
    count = max(1, round(length_s / dice.around(7.5, 1.5)))
    at_s = (np.arange(count) + rng.uniform(-0.18, 0.18, count)) * length_s / count
    size = rng.uniform(0.55, 1.0, count)
    parts = [  # level, rise and fall in seconds, delay after the swell, spectrum
        (0.75, 2.4, 2.6, 0.0, [(25, -26), (60, -4), (140, 0), (400, -12), (1500, -34), (16000, -70)]),
        (0.85, 1.4, 1.9, 0.7, [(80, -30), (250, -6), (600, 0), (1500, -5), (4000, -18), (16000, -44)]),
        (0.55, 0.9, 1.7, 1.1, [(300, -34), (1200, -8), (2500, 0), (5000, -4), (10000, -14), (18000, -30)]),
        (0.22, 1.5, 3.2, 2.1, [(800, -40), (3000, -8), (6000, 0), (10000, -3), (16000, -14)]),
    ]
    sound = 0.16 * stereo_noise(rng, frames, [(30, -6), (120, 0), (500, -7), (2000, -16), (12000, -40)], 0.9)
    bright = dice.around(1.0, 1.7)
    for order, (level, rise_s, fall_s, delay_s, points) in enumerate(parts):
        envelope = _swells(length_s, at_s + delay_s, size, rise_s, fall_s, frames)
        layer = stereo_noise(rng, frames, points, width=0.7) * envelope
        sound += np.float32(level * bright ** (order / 2 - 0.5)) * layer
    return _swayed(sound, drift(rng, frames, 0.12))


def _swells(
    length_s: float, at_s: NDArray[np.floating], size: NDArray[np.floating], rise_s: float, fall_s: float, frames: int
) -> Sound:
    """Humps that rise like a cosine and fall like an exponential, around the circle: (frames,)."""
    coarse = np.arange(round(length_s * 100)) / 100
    shape = np.zeros_like(coarse)
    for moment, height in zip(at_s, size, strict=True):
        since = np.mod(coarse - moment + rise_s, length_s)
        rising = 0.5 - 0.5 * np.cos(np.pi * np.clip(since / rise_s, 0, 1))
        falling = np.exp(-np.maximum(since - rise_s, 0) / fall_s)
        ending = np.clip((length_s - since) / 0.5, 0, 1)
        shape += height * rising * falling * ending
    return stretched(shape, frames)


def _swayed(sound: Sound, curve: Sound) -> Sound:
    """The sound leaning slowly to one side and the other."""
    lean = np.clip(curve * np.float32(0.12), -0.35, 0.35)
    return as_sound(sound * np.stack([1 - lean, 1 + lean]))


def thunder(dice: Dice, frames: int) -> Sound:
    """A storm some hills away: rolls of thunder over soft rain; (2, frames)."""
    rng = dice.rng
    length_s = frames / RATE_HZ
    count = max(1, round(length_s / dice.around(10, 1.5)))
    at_s = (np.arange(count) + rng.uniform(-0.25, 0.25, count)) * length_s / count
    size = rng.uniform(0.45, 1.0, count)
    far = dice.around(1.0, 1.8)
    bands = [  # level, rise, fall, spectrum: the low parts roll longest
        (1.0, 0.5, 2.6, [(18, -30), (36, -5), (65, 0), (110, -4), (180, -18), (400, -50), (20000, -90)]),
        (0.62, 0.22, 1.7, [(40, -26), (90, -2), (150, 0), (260, -10), (700, -40), (20000, -90)]),
        (0.20, 0.12, 0.9, [(120, -26), (260, 0), (480, -4), (1000, -24), (20000, -80)]),
        (0.05, 0.06, 0.5, [(300, -30), (700, 0), (1400, -8), (3000, -30), (20000, -80)]),
    ]
    sound = np.zeros((2, frames), dtype=np.float32)
    for order, (level, rise_s, fall_s, points) in enumerate(bands):
        # A roll is four claps that arrive one after the other.
        claps = np.concatenate([at_s + rng.uniform(0, 2.4, count) * (echo > 0) for echo in range(4)])
        sizes = np.concatenate([size * 0.75**echo for echo in range(4)])
        envelope = _swells(length_s, claps, sizes, rise_s, fall_s, frames)
        rough = np.exp(np.float32(0.55) * drift(rng, frames, 5.0))
        sound += np.float32(level * far**-order) * stereo_noise(rng, frames, points, 0.6) * envelope * rough
    soft = _soft_rain(dice, frames)
    return levelled(sound) + np.float32(dice.around(0.18, 2.2)) * soft


def _soft_rain(dice: Dice, frames: int) -> Sound:
    hiss = stereo_noise(
        dice.rng, frames, [(60, -24), (300, -10), (900, -2), (2500, 0), (6000, -8), (12000, -20), (20000, -34)], 0.9
    )
    drops = _drops(dice, frames, per_second=25, hz=(900, 2600), ring_s=0.006, kinds=24)
    return hiss + np.float32(0.2) * levelled(drops)


def stream(dice: Dice, frames: int) -> Sound:
    """A small stream between stones: many bubbles over a low rush; (2, frames)."""
    rng = dice.rng
    bubbles = np.zeros((2, frames), dtype=np.float32)
    for pitch in np.geomspace(380, 2400, 54) * rng.uniform(0.94, 1.06, 54):
        at = times(rng, frames, 4.5 * (700 / pitch) ** 0.3)
        grain = ring(float(pitch), 14.0 / pitch, bend=rng.uniform(0.15, 0.5))
        strength = np.minimum(rng.lognormal(0, 0.8, len(at)), 3.5) * (700 / pitch) ** 0.7
        place = np.clip(rng.normal(rng.uniform(-0.5, 0.5), 0.35, len(at)), -1, 1)
        bubbles += scatter(frames, at, strength, grain, place)
    rush = stereo_noise(
        rng, frames, [(50, -14), (150, -4), (400, 0), (1200, -6), (3500, -12), (9000, -24), (20000, -44)], 0.85
    )
    play = 1 + np.float32(0.16) * np.stack([drift(rng, frames, 0.8), drift(rng, frames, 0.8)])
    return as_sound(levelled(bubbles) * play + np.float32(dice.around(0.5)) * rush)


def far_water(rng: np.random.Generator, frames: int) -> Sound:
    """Water somewhere behind everything, mono and dark: (frames,)."""
    return noise(rng, frames, [(60, -12), (250, 0), (700, -6), (2500, -22), (20000, -60)])
