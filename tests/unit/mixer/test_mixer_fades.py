"""The fades that leave the engine, against the exact curves."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from mixer_sounds import HALF, MakePcm, dbfs, heard, layer

from mixer.bus import SLAB
from mixer.offline_engine import OfflineEngine
from mixer.scene import Law, Scene

SR = 48_000
LENGTHS_S = (0.005, 0.020, 0.250, 2.0)


def x_of(frames: int, seconds: float) -> np.ndarray:
    return np.clip(np.arange(frames) / round(seconds * SR), 0, 1)


def rising(x: np.ndarray, law: Law) -> np.ndarray:
    return x if law == "linear" else np.sin(x * math.pi / 2)


def falling(x: np.ndarray, law: Law) -> np.ndarray:
    return 1 - x if law == "linear" else np.cos(x * math.pi / 2)


@pytest.mark.parametrize("law", ["equal_power", "linear"])
@pytest.mark.parametrize("seconds", LENGTHS_S)
def test_a_fade_in_is_the_exact_curve(steady: str, seconds: float, law: Law) -> None:
    engine = OfflineEngine()
    engine.apply(Scene((layer(steady, fade_s=seconds, law=law),)))
    frames = round(seconds * SR) + 2 * SLAB
    exact = HALF * rising(x_of(frames, seconds), law)
    assert dbfs(heard(engine, frames) - exact[:, None]) <= -120


@pytest.mark.parametrize("law", ["equal_power", "linear"])
@pytest.mark.parametrize("seconds", LENGTHS_S)
def test_a_release_is_the_exact_curve_and_frees_the_strip(steady: str, seconds: float, law: Law) -> None:
    engine = OfflineEngine()
    engine.apply(Scene((layer(steady, fade_s=0, law=law),)))
    heard(engine, 2 * SLAB - 256)  # the desk has used two slabs up
    engine.apply(Scene(release_s=seconds))
    frames = round(seconds * SR)
    out = engine.render(math.ceil((frames + 256) / SLAB) * SLAB)[256:]
    exact = HALF * falling(x_of(len(out), seconds), law)
    assert dbfs(out - exact[:, None]) <= -120
    assert not out[frames:].any()
    assert engine.status().strips[0].song_id is None


def test_eight_seconds_take_eight_seconds(steady: str) -> None:
    engine = OfflineEngine()
    engine.apply(Scene((layer(steady, fade_s=8),)))
    out = heard(engine, 9 * SR)[:, 0]
    assert dbfs(out - HALF * rising(x_of(9 * SR, 8), "equal_power")) <= -120
    assert out[8 * SR - 100] < HALF
    assert (out[8 * SR :] == np.float32(HALF)).all()


def test_a_fade_turned_in_its_middle_makes_no_step(steady: str) -> None:
    engine = OfflineEngine()
    engine.apply(Scene((layer(steady, fade_s=2),)))
    pieces = [heard(engine, SLAB * 5)]
    for gain_db, fade_s in ((-20, 0.5), (0, 0.1), (-120, 1.0), (-6, 0.25)):
        engine.apply(Scene((layer(steady, gain_db=gain_db, fade_s=fade_s),)))
        pieces.append(engine.render(SLAB))
    pieces.append(engine.render(SR))
    out = np.concatenate(pieces)[:, 0]
    assert np.abs(np.diff(out)).max() <= HALF * math.pi / 2 / (0.1 * SR) * 1.01
    assert out[-1] == pytest.approx(HALF * 10 ** (-6 / 20), abs=1e-6)


def test_a_crossfade_follows_both_curves(make_pcm: MakePcm) -> None:
    first = make_pcm("first", np.full((2, 4 * SR), 0.5, np.float32))
    second = make_pcm("second", np.full((2, 4 * SR), -0.25, np.float32))
    engine = OfflineEngine()
    engine.apply(Scene((layer(first, fade_s=0),)))
    heard(engine, 2 * SLAB - 256)
    engine.apply(Scene((layer(second, fade_s=1),)))
    out = engine.render(SR + 256)[256:]
    x = x_of(SR, 1)
    exact = 0.5 * falling(x, "equal_power") - 0.25 * rising(x, "equal_power")
    assert dbfs(out - exact[:, None]) <= -120


def test_a_pan_moves_at_constant_power(make_pcm: MakePcm) -> None:
    mono = make_pcm("mono", np.full((1, 4 * SR), HALF, np.float32))
    engine = OfflineEngine()
    engine.apply(Scene((layer(mono, pan=-1, fade_s=0),)))
    heard(engine, 2 * SLAB)
    engine.apply(Scene((layer(mono, pan=1, fade_s=0.5),)))
    power = np.square(engine.render(SR).astype(np.float64)).sum(axis=1)
    assert np.abs(power / HALF**2 - 1).max() < 1e-5


def test_the_same_scene_again_changes_nothing(steady: str) -> None:
    once, often = OfflineEngine(), OfflineEngine()
    scene = Scene((layer(steady, fade_s=1),))
    once.apply(scene)
    for _ in range(10):
        often.apply(Scene((layer(steady, fade_s=0.3 if often.status().frames else 1, title="again"),)))
        assert np.array_equal(once.render(SLAB), often.render(SLAB))


def test_of_two_scenes_in_one_slab_the_last_counts(steady: str, make_pcm: MakePcm) -> None:
    other = make_pcm("other", np.full((2, SR), -0.25, np.float32))
    engine, direct = OfflineEngine(), OfflineEngine()
    engine.apply(Scene((layer(other, fade_s=0),)))
    engine.apply(Scene((layer(steady, fade_s=0),)))
    direct.apply(Scene((layer(steady, fade_s=0),)))
    assert np.array_equal(engine.render(3 * SLAB), direct.render(3 * SLAB))


def test_a_muted_layer_ramps_in_20_ms_and_plays_on_unheard(steady: str) -> None:
    engine = OfflineEngine()
    engine.apply(Scene((layer(steady, fade_s=0),)))
    heard(engine, 2 * SLAB - 256)
    engine.apply(Scene((layer(steady, fade_s=8, muted=True),)))
    out = engine.render(SLAB + 256)[256:]
    exact = HALF * falling(x_of(SLAB, 0.020), "equal_power")
    assert dbfs(out - exact[:, None]) <= -120
    before = engine.status().strips[0].position_frame
    engine.render(SLAB)
    assert engine.status().strips[0].position_frame == before + SLAB


def test_solo_mutes_the_others_in_20_ms_and_gives_them_back(steady: str, make_pcm: MakePcm) -> None:
    other = make_pcm("other", np.full((2, 20 * SR), -0.25, np.float32))
    engine = OfflineEngine()
    both = (layer(steady, fade_s=0), layer(other, strip=1, fade_s=0))
    engine.apply(Scene(both))
    heard(engine, 2 * SLAB - 256)
    engine.apply(Scene((both[0], replace(both[1], solo=True))))
    out = engine.render(SLAB + 256)[256:]
    exact = HALF * falling(x_of(SLAB, 0.020), "equal_power") - 0.25
    assert dbfs(out - exact[:, None]) <= -120
    engine.apply(Scene(both))
    assert engine.render(2 * SLAB)[-1, 0] == pytest.approx(0.25)
    engine.apply(Scene((replace(both[0], solo=True, muted=True), both[1])))
    assert engine.render(2 * SLAB)[-1, 0] == 0, "a muted one is not heard alone either"
