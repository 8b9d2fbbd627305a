"""What lives outside: birds in the morning, crickets at night."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml.synth_noise import RATE_HZ, Dice, Sound, add_at, drift, levelled, stereo_noise
from ml.synth_space import placed, reverb
from ml.synth_water import far_water

# A call is a row of notes: (start s, length s, from Hz, to Hz, strength). Between them is silence.
Call = Sequence[tuple[float, float, float, float, float]]


def birds(dice: Dice, frames: int) -> Sound:
    """Birds of a wood at dawn, near and far, over still air and a distant water; (2, frames)."""
    rng = dice.rng
    singers = [  # the calls of a bird, how many a minute, its place, its loudness
        ([_whistle(rng), _whistle(rng, 0.92)], 8, -0.55, 0.34),
        ([_warble(rng), _warble(rng), _warble(rng)], 9, 0.35, 0.42),
        ([_trill(rng, 4300, 12)], 5, 0.8, 0.16),
        ([_trill(rng, 3500, 7)], 5, -0.85, 0.14),
        ([_coo()], 5, 0.1, 0.30),
    ]
    sound = np.zeros((2, frames), dtype=np.float32)
    for calls, per_minute, place, loudness in singers:
        count = max(1, round(dice.around(per_minute) * frames / RATE_HZ / 60))
        at = (np.arange(count) + rng.uniform(0.1, 0.7, count)) * frames / count
        for start in at.astype(int).tolist():
            song = sung(calls[int(rng.integers(len(calls)))], rng.uniform(0.98, 1.02))
            strength = np.float32(loudness * rng.uniform(0.5, 1.0))
            add_at(sound, start, placed(song * strength, place + rng.uniform(-0.08, 0.08)))
    sound = reverb(rng, sound, seconds=1.6, wet=0.5, dark_hz=5000)
    air = stereo_noise(rng, frames, [(60, -16), (300, -4), (1500, 0), (5000, -8), (10000, -22), (20000, -44)], 0.9)
    breath = 1 + np.float32(0.2) * drift(rng, frames, 0.15)
    return sound + np.float32(0.011) * air * breath + np.float32(0.008) * far_water(rng, frames)


def sung(call: Call, pitch: float) -> Sound:
    """A call as sound: whistled notes that glide, with a little of their octave."""
    end_s = max(start + length for start, length, *_ in call) + 0.05
    sound = np.zeros(int(end_s * RATE_HZ), dtype=np.float32)
    for start_s, length_s, low_hz, high_hz, strength in call:
        count = int(length_s * RATE_HZ)
        way = np.linspace(0, 1, count)
        hz = pitch * low_hz * (high_hz / low_hz) ** (0.5 - 0.5 * np.cos(np.pi * way))
        phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
        shape = np.sin(np.pi * way) ** 0.8 * (1 - 0.35 * way)
        note = (np.sin(phase) + 0.06 * np.sin(2 * phase)) * shape * strength
        begin = int(start_s * RATE_HZ)
        sound[begin : begin + count] += note.astype(np.float32)[: len(sound) - begin]
    return sound


def _whistle(rng: np.random.Generator, pitch: float = 1.0) -> Call:
    top = 3650 * pitch * rng.uniform(0.99, 1.01)
    return [(0.0, 0.34, top, top * 1.01, 0.9), (0.42, 0.46, top * 0.84, top * 0.82, 1.0)]


def _warble(rng: np.random.Generator) -> Call:
    """A thrush's phrase: six to nine notes between 1.7 and 3 kHz, none alike."""
    scale = 1750 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11]) / 12)
    notes, at_s = [], 0.0
    for _ in range(int(rng.integers(5, 9))):
        low = float(rng.choice(scale))
        length_s = float(rng.uniform(0.09, 0.26))
        notes.append((at_s, length_s, low, low * float(rng.uniform(0.86, 1.2)), float(rng.uniform(0.5, 1))))
        at_s += length_s + float(rng.uniform(0.02, 0.09))
    return notes


def _trill(rng: np.random.Generator, hz: float, notes: int) -> Call:
    top = hz * rng.uniform(0.97, 1.03)
    return [
        (0.085 * i, 0.062, top * 1.12, top * 0.93, float(np.sin(np.pi * (i + 1) / (notes + 1)))) for i in range(notes)
    ]


def _coo() -> Call:
    return [(0.0, 0.32, 470, 520, 0.8), (0.42, 0.62, 540, 480, 1.0), (1.16, 0.4, 475, 455, 0.7)]


def night(dice: Dice, frames: int) -> Sound:
    """A warm night: crickets near and far, each with its own beat, an owl beyond the field; (2, frames)."""
    rng = dice.rng
    sound = np.zeros((2, frames), dtype=np.float32)
    for hz, beat_s, place, loudness in (
        (4150, 0.62, -0.6, 0.20), (4480, 0.71, 0.55, 0.16), (3900, 0.83, 0.15, 0.08), (4700, 0.57, -0.95, 0.05),
        (4320, 0.66, 0.95, 0.05),
    ):  # fmt: skip
        _cricket(dice, sound, dice.around(hz, 1.08), dice.around(beat_s, 1.2), place, loudness)
    sound += _chorus(dice, frames)
    for start in (rng.uniform(0.2, 0.35), rng.uniform(0.68, 0.8)):
        owl = sung([(0.0, 0.5, 345, 352, 1.0), (0.95, 0.22, 350, 350, 0.6), (1.25, 0.75, 352, 330, 0.9)], 1.0)
        add_at(sound, int(start * frames), placed(owl * np.float32(0.10), 0.4))
    sound = reverb(rng, sound, seconds=1.8, wet=0.35, dark_hz=4500)
    air = stereo_noise(rng, frames, [(40, -14), (120, -2), (300, 0), (900, -9), (3000, -22), (20000, -60)], 0.9)
    return sound + np.float32(0.022) * air * (1 + np.float32(0.25) * drift(rng, frames, 0.12))


def _cricket(dice: Dice, sound: Sound, hz: float, beat_s: float, place: float, loudness: float) -> None:
    """Adds one cricket: chirps of three pulses, with rests; its beat is fitted to the circle."""
    rng, frames = dice.rng, sound.shape[-1]
    chirp = sung([(0.032 * i, 0.026, hz, hz * 0.985, 0.6 + 0.2 * i) for i in range(3)], 1.0)
    beats = max(1, round(frames / RATE_HZ / beat_s))
    resting = np.convolve(rng.random(beats) < 0.05, np.ones(5), "same") > 0
    for beat in np.flatnonzero(~resting).tolist():
        start = int((beat + rng.uniform(-0.02, 0.02)) * frames / beats)
        add_at(sound, start, placed(chirp * np.float32(loudness * rng.uniform(0.8, 1.0)), place))


def _chorus(dice: Dice, frames: int) -> Sound:
    """Many small voices far off: a soft band that shimmers; (2, frames)."""
    rng = dice.rng
    band = stereo_noise(rng, frames, [(2000, -60), (2600, -8), (2800, 0), (3000, -8), (3700, -50), (9000, -80)], 0.9)
    shimmer = 1 + np.float32(0.35) * np.stack([drift(rng, frames, 9.0), drift(rng, frames, 9.0)])
    return np.float32(0.014) * levelled(band) * shimmer
