from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ml import synth
from ml.errors import AudioError
from ml.synth import RECIPES, render, write_starter_library
from ml.tags import as_vector

RATE_HZ = 48_000
BEDS = [recipe.key for recipe in RECIPES if recipe.kind == "soundscape"]
PIECES = [recipe.key for recipe in RECIPES if recipe.kind == "instrumental"]
SHORT_S = 4.0


@cache
def short(key: str) -> np.ndarray:
    """Some seconds of that sound, made once."""
    return render(key, seed=3, seconds=SHORT_S)


def level_db(part: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(part)) + 1e-15))


def test_there_is_enough_to_begin_with() -> None:
    assert {"rain", "waves", "thunder", "wind", "fire", "birds", "night", "drone"} <= set(BEDS)
    assert len(PIECES) >= 4
    assert all(24 <= recipe.seconds <= 40 for recipe in RECIPES if recipe.key in BEDS)
    assert all(recipe.seconds >= 30 for recipe in RECIPES if recipe.key in PIECES)
    assert len({recipe.title for recipe in RECIPES}) == len(RECIPES)
    assert all(as_vector(recipe.embedding).any() for recipe in RECIPES)


@pytest.mark.parametrize("key", [*BEDS, *PIECES])
def test_every_sound_is_clean(key: str) -> None:
    sound = short(key)
    assert (sound.dtype, sound.shape) == (np.float32, (int(SHORT_S * RATE_HZ), 2))
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() <= 0.7 + 1e-6
    assert np.abs(sound.mean(axis=0)).max() < 1e-4
    assert level_db(sound) > -40
    sides = np.corrcoef(sound.T)[0, 1]
    assert -0.35 < sides < 0.995  # stereo, and it survives a mono speaker


@pytest.mark.parametrize("key", BEDS)
def test_a_bed_has_no_seam(key: str) -> None:
    sound = short(key)
    usual = np.quantile(np.abs(np.diff(sound, axis=0)), 0.99)
    assert np.abs(sound[0] - sound[-1]).max() <= usual
    half = RATE_HZ // 2
    assert abs(level_db(sound[-half:]) - level_db(sound[:half])) <= 0.5


@pytest.mark.parametrize("key", BEDS)
def test_nothing_clicks_where_a_bed_meets_itself(key: str) -> None:
    """A click is broad: above 8 kHz the seam is no louder than the loudest such moment elsewhere."""
    ring = np.roll(short(key).mean(axis=1), RATE_HZ)
    bright = np.diff(ring, n=3)
    blocks = np.abs(bright[: len(bright) // 240 * 240]).reshape(-1, 240).max(axis=1)
    seam = RATE_HZ // 240
    assert blocks[seam - 1 : seam + 1].max() <= np.delete(blocks, [seam - 1, seam]).max()


@pytest.mark.parametrize("key", PIECES)
def test_a_piece_begins_and_ends_in_silence(key: str) -> None:
    sound = short(key)
    assert np.abs(sound[0]).max() < 1e-3
    assert np.abs(sound[-1]).max() < 1e-3
    assert level_db(sound[-RATE_HZ // 10 :]) < level_db(sound) - 20


@pytest.mark.parametrize("key", ["rain", "birds", "courtyard"])
def test_the_same_seed_gives_the_same_bytes_another_does_not(key: str) -> None:
    one, same, other = (hashlib.sha256(render(key, seed, 3.0).tobytes()).hexdigest() for seed in (1, 1, 2))
    assert one == same != other


def test_what_cannot_be_made_is_refused() -> None:
    with pytest.raises(AudioError, match="there is no sound 'snow'"):
        render("snow")
    for seconds in (0.0, -1.0, float("nan"), 1e9):
        with pytest.raises(AudioError, match="lasts from"):
            render("rain", seconds=seconds)


class TestLibrary:
    @pytest.fixture(autouse=True)
    def small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        few = tuple(synth.Recipe(r.key, r.title, r.kind, r.embedding, 2.0) for r in RECIPES[:2])
        monkeypatch.setattr(synth, "RECIPES", few)

    def test_it_is_written_once_and_found_again(self, tmp_path: Path) -> None:
        folder = tmp_path / "library"
        said: list[tuple[str, int, int]] = []
        songs = write_starter_library(folder, progress=lambda *step: said.append(step))
        assert said == [("Rain on Leaves", 0, 2), ("Slow Waves", 1, 2), ("", 2, 2)]
        before = [song.path.stat().st_mtime_ns for song in songs]
        again = write_starter_library(folder)
        assert [song.path.stat().st_mtime_ns for song in again] == before
        samples, rate_hz = soundfile.read(songs[0].path, dtype="float32")
        assert rate_hz == RATE_HZ
        assert np.abs(samples - render("rain", 0)).max() <= 2 / 32768
        assert sorted(path.name for path in folder.iterdir()) == ["rain.flac", "waves.flac"]

    def test_a_torn_file_or_another_seed_is_made_anew(self, tmp_path: Path) -> None:
        first, second = write_starter_library(tmp_path)
        whole = first.path.read_bytes()
        first.path.write_bytes(whole[:500])
        second.path.write_bytes(b"")
        assert write_starter_library(tmp_path)[0].path.read_bytes() == whole
        write_starter_library(tmp_path, seed=1)
        assert first.path.read_bytes() != whole
