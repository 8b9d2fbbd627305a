"""Air and fire: wind in the trees, a hearth, a murmuring room."""

from __future__ import annotations

import numpy as np

from ml.synth_noise import RATE_HZ, Dice, Sound, as_sound, drift, levelled, noise, scatter, stereo_noise, times
from ml.synth_space import placed, reverb


def wind(dice: Dice, frames: int) -> Sound:
    """Wind that comes in gusts: a low body, a hollow moan that follows it, leaves at the height; (2, frames)."""
    rng = dice.rng
    gust = np.exp(np.float32(0.45) * np.tanh(drift(rng, frames, 0.2)))
    flutter = 1 + np.float32(0.12) * drift(rng, frames, 2.5)
    body = stereo_noise(
        rng, frames, [(20, -16), (60, -2), (120, 0), (250, -4), (500, -13), (1200, -28), (5000, -52), (20000, -80)], 0.7
    )
    sound = body * gust * flutter
    for hz, level in ((330, 0.45), (520, 0.32), (790, 0.17)):
        sound += np.float32(level) * _moan(dice, frames, dice.around(hz, 1.3)) * gust**1.5
    leaves = stereo_noise(
        rng, frames, [(300, -40), (1200, -10), (2800, 0), (6000, -6), (12000, -20), (20000, -36)], 0.9
    )
    rustle = gust**2 * (1 + np.float32(0.25) * drift(rng, frames, 6.0))
    return as_sound(sound + np.float32(dice.around(0.055, 2.2)) * leaves * rustle)


def _moan(dice: Dice, frames: int, hz: float) -> Sound:
    """A band of noise round one pitch that swells by itself and wanders between the ears: (2, frames)."""
    rng = dice.rng
    tone = noise(rng, frames, _band(hz, 1.22)) * np.exp(np.float32(0.5) * drift(rng, frames, 0.35))
    lean = np.tanh(drift(rng, frames, 0.15)) * np.float32(0.5)
    return np.stack([tone * np.sqrt((1 - lean) / 2), tone * np.sqrt((1 + lean) / 2)])


def fire(dice: Dice, frames: int) -> Sound:
    """A wood fire: a soft low roar that flickers, a breath of hiss, crackles in flurries and a pop at times."""
    rng = dice.rng
    flicker = np.exp(np.float32(0.28) * drift(rng, frames, 5.0) + np.float32(0.22) * drift(rng, frames, 0.5))
    roar = stereo_noise(
        rng, frames, [(25, -10), (60, 0), (140, -3), (320, -12), (900, -24), (3000, -40), (20000, -70)], 0.5
    )
    hiss = stereo_noise(rng, frames, [(400, -30), (1500, -10), (4000, 0), (9000, -2), (16000, -12)], 0.8)
    sound = np.float32(0.2) * roar * flicker + np.float32(dice.around(0.045, 2.0)) * hiss * flicker
    busy = np.exp(0.9 * drift(rng, frames, 0.7))
    sound += np.float32(0.95) * _crackles(dice, frames, busy, dice.around(26, 2.2), (0.0004, 0.0016), 0.9)
    sound += np.float32(0.95) * _crackles(dice, frames, busy, dice.around(5, 2.0), (0.0015, 0.004), 0.8)
    pops = _crackles(dice, frames, busy, dice.around(0.7, 2.0), (0.006, 0.014), 0.4)
    return as_sound(sound + np.float32(0.6) * pops)


def _crackles(
    dice: Dice, frames: int, busy: Sound, per_second: float, decay_s: tuple[float, float], loudness: float
) -> Sound:
    """Crackles of one size: a score of different ones, more of them where `busy` (frames,) is high; (2, frames)."""
    rng = dice.rng
    sound = np.zeros((2, frames), dtype=np.float32)
    for _ in range(20):
        at = times(rng, frames, per_second / 20 * 2.5)
        at = at[rng.random(len(at)) < busy[at] / (busy[at] + 1.5)]
        grain = snap(rng, rng.uniform(*decay_s), float(np.exp(rng.uniform(np.log(900), np.log(5200)))))
        strength = np.minimum(rng.lognormal(-0.7, loudness, len(at)), 2.2)
        place = np.clip(rng.normal(rng.uniform(-0.4, 0.4), 0.25, len(at)), -1, 1)
        sound += scatter(frames, at, strength, grain, place)
    return sound


def snap(rng: np.random.Generator, decay_s: float, hz: float) -> Sound:
    """One crackle: a burst of noise with some body at `hz`, peak 1."""
    time_s = np.arange(max(24, int(9 * decay_s * RATE_HZ))) / RATE_HZ
    wood = np.sin(2 * np.pi * hz * time_s + rng.uniform(0, 6))
    burst = (0.7 * rng.standard_normal(len(time_s)) + 0.8 * wood) * np.exp(-time_s / decay_s)
    burst *= 1 - np.exp(-time_s / 0.00006)
    burst[-12:] *= np.linspace(1, 0, 12)
    return as_sound(burst / np.abs(burst).max())


def murmur(dice: Dice, frames: int) -> Sound:
    """A café some tables away: voices without words; (2, frames), frames a multiple of 8."""
    rng = dice.rng
    sound = np.zeros((2, frames), dtype=np.float32)
    for voice in range(8):
        pitch = dice.around(1.0, 1.2) * (1.0 if voice % 2 else 1.3) * rng.uniform(0.9, 1.1)
        part = np.zeros(frames, dtype=np.float32)
        for hz, width, level in ((250, 1.6, 1.0), (520, 1.45, 0.75), (1300, 1.35, 0.28), (2500, 1.3, 0.09)):
            # The breath behind a formant may repeat: what one hears is how it is cut into syllables.
            breath = np.tile(noise(rng, frames // 8, _band(hz * pitch, width)), 8)
            part += np.float32(level) * breath * _syllables(rng, frames)
        talking = np.clip(0.7 + 0.8 * drift(rng, frames, 0.25), 0.05, 2)
        seat = (voice % 4 + 0.5 + rng.uniform(-0.3, 0.3)) / 2 - 1
        sound += placed(part * talking, 0.8 * seat)
    return reverb(rng, levelled(sound), seconds=0.9, wet=0.4, dark_hz=2500)


def _band(hz: float, width: float) -> list[tuple[float, float]]:
    """A band of noise round one pitch, half an amplitude at `width` times it."""
    return [(hz / width**4, -48.0), (hz / width, -5.0), (hz, 0.0), (hz * width, -5.0), (hz * width**4, -48.0)]


def _syllables(rng: np.random.Generator, frames: int) -> Sound:
    """Speech comes four or five times a second: an envelope that does (frames,)."""
    envelope: Sound = np.exp(np.float32(0.75) * drift(rng, frames, 4.5))
    return envelope
