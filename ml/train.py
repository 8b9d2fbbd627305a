"""How the shipped tag model is made: from our own synthetic sounds, many of each, recorded in many imagined ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ml.features import extract
from ml.model import TagModel
from ml.synth import RECIPES, render
from ml.synth_noise import RATE_HZ, Sound
from ml.tags import DIMENSIONS, TAGS, Vector

OF_TAG = dict(zip(TAGS, ("rain", "waves", "thunder", "wind", "fire"), strict=True))
TAKES = 2  # recordings of each sound
BED_S, PIECE_S = 10.0, 30.0
DOUBT = 0.75  # of each feature's spread
DOUBT_COPIES = 4

Progress = Callable[[int, int], None]


def trained_model(*, variants: int = 48, seed: int = 1000, progress: Progress | None = None) -> TagModel:
    """The tag model from `variants` sounds of each tag and some of everything else; about a minute for 48."""
    features, labels = training_set(variants=variants, seed=seed, progress=progress)
    return TagModel.fit(*doubted(features, labels, seed=seed))


def training_set(*, variants: int, seed: int, progress: Progress | None = None) -> tuple[Vector, Vector]:
    """Features (n, 56) and labels (n, 5), all zeros for sounds of none of the tags. The same for the same seed."""
    plan = list(_plan(variants))
    features, labels = [], []
    for done, (key, variant, label) in enumerate(plan):
        if progress is not None:
            progress(done, len(plan))
        rng = np.random.default_rng([seed, done])
        length_s = PIECE_S if key in _pieces() else BED_S
        sound = render(key, seed + variant, length_s, spread=1.0)
        for _ in range(TAKES):
            features.append(extract(recorded(rng, sound), RATE_HZ))
            labels.append(label)
    return np.array(features), np.array(labels)


def doubted(features: Vector, labels: Vector, *, seed: int) -> tuple[Vector, Vector]:
    """The same sounds several times over, each time a little off in every feature.

    Synthetic sounds are cleaner than any recording; without this the model would be sure of things it never heard.
    """
    rng = np.random.default_rng([seed, 7])
    spread = features.std(axis=0)
    copies = [features + DOUBT * spread * rng.standard_normal(features.shape) for _ in range(DOUBT_COPIES)]
    return np.concatenate(copies), np.concatenate([labels] * DOUBT_COPIES)


def _plan(variants: int) -> Iterator[tuple[str, int, Vector]]:
    for number, key in enumerate(OF_TAG.values()):
        for variant in range(variants):
            yield key, variant, np.eye(DIMENSIONS)[number]
    for recipe in RECIPES:
        if recipe.key not in OF_TAG.values():
            share = 12 if recipe.key in _pieces() else 4
            for variant in range(max(2, variants // share)):
                yield recipe.key, variant, np.zeros(DIMENSIONS)


def _pieces() -> set[str]:
    return {recipe.key for recipe in RECIPES if recipe.kind == "instrumental"}


def recorded(rng: np.random.Generator, sound: Sound) -> NDArray[np.float32]:
    """The sound (n, 2) as some recorder would have kept it, mono (n,): its level, tilt, band and noise floor."""
    mono = sound.mean(axis=1)
    hz = np.fft.rfftfreq(len(mono), 1 / RATE_HZ)
    octaves = np.log2(np.maximum(hz, 20) / 1000)
    response = 10 ** (rng.uniform(-2.5, 2.5) * octaves / 20)
    if rng.random() < 0.4:
        response /= np.sqrt(1 + (hz / rng.uniform(5_000, 12_000)) ** 8)
    if rng.random() < 0.4:
        response *= np.minimum(1, (hz / rng.uniform(40, 160)) ** 2)
    kept = np.fft.irfft(np.fft.rfft(mono) * response, len(mono))
    kept /= max(float(np.sqrt(np.mean(kept * kept))), 1e-9)
    floor = 10 ** (rng.uniform(-75, -38) / 20) * rng.standard_normal(len(mono))
    level = 10 ** (rng.uniform(-38, -12) / 20)
    return np.asarray(np.clip(level * (kept + floor), -1, 1), dtype=np.float32)
