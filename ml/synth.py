"""The starter library: sounds made here by chance and rule, so that a new box has something to play.

`render(key)` gives one sound; the same key and seed give the same samples. Beds close on themselves: played round and
round they have no seam. Instrumentals begin and end in silence.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np

from ml.errors import AudioError
from ml.synth_air import fire, murmur, wind
from ml.synth_life import birds, night
from ml.synth_music import courtyard, glasshouse, harbour, lanterns, tide
from ml.synth_noise import RATE_HZ, Dice, Sound
from ml.synth_pad import drone
from ml.synth_space import finished
from ml.synth_water import rain, stream, thunder, waves

BED, INSTRUMENTAL = "soundscape", "instrumental"
STARTER_SPREAD = 0.2  # how far a seed moves a sound's character; 1 is as far as nature goes (training)
SHORTEST_S = 2.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """One sound of the starter library: what it is called, what it is, how long, and its embedding set by hand."""

    key: str
    title: str
    kind: str
    embedding: tuple[float, float, float, float, float]
    seconds: float
    artist: str = "Cosound"


@dataclass(frozen=True, slots=True)
class StarterSong:
    """A recipe and the file it was written to."""

    recipe: Recipe
    path: Path


RECIPES: tuple[Recipe, ...] = (
    Recipe("rain", "Rain on Leaves", BED, (0.96, 0.02, 0.06, 0.03, 0.0), 32.0),
    Recipe("waves", "Slow Waves", BED, (0.02, 0.96, 0.0, 0.10, 0.0), 36.0),
    Recipe("thunder", "Storm beyond the Hills", BED, (0.24, 0.0, 0.94, 0.04, 0.0), 36.0),
    Recipe("wind", "Wind in the Pines", BED, (0.0, 0.06, 0.03, 0.96, 0.0), 32.0),
    Recipe("fire", "Wood Fire", BED, (0.0, 0.0, 0.02, 0.03, 0.97), 32.0),
    Recipe("birds", "Birds at Dawn", BED, (0.14, 0.10, 0.0, 0.22, 0.04), 40.0),
    Recipe("night", "Crickets and an Owl", BED, (0.05, 0.06, 0.0, 0.16, 0.20), 36.0),
    Recipe("drone", "Still Light", BED, (0.06, 0.16, 0.12, 0.14, 0.06), 32.0),
    Recipe("stream", "A Stream between Stones", BED, (0.40, 0.34, 0.0, 0.06, 0.0), 32.0),
    Recipe("murmur", "Tables Away", BED, (0.10, 0.04, 0.0, 0.02, 0.22), 32.0),
    Recipe("lanterns", "Paper Lanterns", INSTRUMENTAL, (0.22, 0.06, 0.02, 0.04, 0.12), 54.0),
    Recipe("courtyard", "Courtyard", INSTRUMENTAL, (0.05, 0.12, 0.0, 0.08, 0.24), 50.0),
    Recipe("tide", "Slow Tide", INSTRUMENTAL, (0.05, 0.26, 0.06, 0.12, 0.0), 56.0),
    Recipe("glasshouse", "Glasshouse", INSTRUMENTAL, (0.14, 0.08, 0.0, 0.22, 0.04), 52.0),
    Recipe("harbour", "Small Boats", INSTRUMENTAL, (0.06, 0.20, 0.02, 0.10, 0.12), 52.0),
)

_MAKERS: dict[str, Callable[[Dice, int], Sound]] = {
    "rain": rain,
    "waves": waves,
    "thunder": thunder,
    "wind": wind,
    "fire": fire,
    "birds": birds,
    "night": night,
    "drone": drone,
    "stream": stream,
    "murmur": murmur,
    "lanterns": lanterns,
    "courtyard": courtyard,
    "tide": tide,
    "glasshouse": glasshouse,
    "harbour": harbour,
}


def recipe_of(key: str) -> Recipe:
    """The recipe with this key. Raises `AudioError` for one there is not."""
    for recipe in RECIPES:
        if recipe.key == key:
            return recipe
    raise AudioError(f"there is no sound {key!r}; there are {', '.join(r.key for r in RECIPES)}")


def render(key: str, seed: int = 0, seconds: float | None = None, *, spread: float = STARTER_SPREAD) -> Sound:
    """One sound at 48 kHz, float32 (frames, 2): peak at most 0.7, no DC, the same for the same seed.

    `seconds` other than the recipe's is at least 2; `spread` 0 … 1 is how far the seed changes its character.
    """
    recipe = recipe_of(key)
    length_s = recipe.seconds if seconds is None else seconds
    if not SHORTEST_S <= length_s < 3600:
        raise AudioError(f"a sound lasts from {SHORTEST_S:.0f} s to an hour, got {length_s} s")
    frames = round(length_s * 1000) * RATE_HZ // 1000 // 8 * 8
    dice = Dice(np.random.default_rng([seed, crc32(key.encode())]), spread)
    return finished(_MAKERS[key](dice, frames), loop=recipe.kind == BED)


def write_starter_library(
    folder: Path, *, seed: int = 0, progress: Callable[[str, int, int], None] | None = None
) -> list[StarterSong]:
    """Every sound of the library as FLAC in the folder, made where it is not there yet and whole.

    `progress(title, done, of)` is called before each one and once at the end. Raises `OSError` when it cannot write.
    """
    folder.mkdir(parents=True, exist_ok=True)
    songs = []
    for done, recipe in enumerate(RECIPES):
        if progress is not None:
            progress(recipe.title, done, len(RECIPES))
        path = folder / f"{recipe.key}.flac"
        if not _whole(path, recipe, seed):
            _write(path, recipe, seed)
        songs.append(StarterSong(recipe, path))
    if progress is not None:
        progress("", len(RECIPES), len(RECIPES))
    return songs


def _whole(path: Path, recipe: Recipe, seed: int) -> bool:
    """Whether the file is there, of this seed and of its full length."""
    import soundfile

    if not path.exists():
        return False
    try:
        with soundfile.SoundFile(path) as file:
            found = (file.comment, file.samplerate, file.frames)
            if found != (_comment(seed), RATE_HZ, round(recipe.seconds * RATE_HZ)):
                return False
            file.seek(file.frames - 1)  # a torn file has its header but not its end
            return len(file.read(1)) == 1
    except (soundfile.LibsndfileError, OSError):
        return False


def _write(path: Path, recipe: Recipe, seed: int) -> None:
    """A whole file or none: written beside its name, then moved there. Two at once write the same bytes."""
    import soundfile

    part = path.with_suffix(f".{os.getpid()}.part")
    with soundfile.SoundFile(part, "w", RATE_HZ, 2, "PCM_16", format="FLAC") as file:
        file.title, file.artist, file.comment = recipe.title, recipe.artist, _comment(seed)
        file.write(render(recipe.key, seed))
    part.replace(path)


def _comment(seed: int) -> str:
    return f"Cosound starter library 2, seed {seed}"
