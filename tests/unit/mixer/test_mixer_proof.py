"""Proof of sound: what should be heard and is not begins anew, is counted, and is not tried for ever."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mixer_sounds import HALF, SR, MakePcm, layer

from mixer.desk import Desk
from mixer.dynamics import LOOKAHEAD
from mixer.engine import HEAL_AFTER_S, MasterControl
from mixer.scene import Loop, Scene


def play(desk: Desk, seconds: float, *, look: bool = True) -> np.ndarray:
    """Half a second at a time, with a look after each, as the engine's care does."""
    out = np.zeros((round(seconds * SR), 2), np.float32)
    for start in range(0, len(out), SR // 2):
        desk.fill(out[start : start + SR // 2])
        if look:
            desk.heal()
    return out


def test_a_file_that_comes_back_is_heard_again_without_a_new_scene(tmp_path: Path, make_pcm: MakePcm) -> None:
    desk = Desk(2, -20.0)
    silent = make_pcm("bed", np.zeros((2, SR), np.float32))
    desk.apply(Scene((layer(silent, fade_s=0),)))
    play(desk, HEAL_AFTER_S - 0.5)
    make_pcm("bed", np.full((2, SR), HALF, np.float32), loop=Loop(law="linear"))
    assert desk.heals == 0
    play(desk, 1.0)
    assert desk.heals == 1
    assert np.abs(play(desk, 1.0)).max() == pytest.approx(HALF)
    assert desk.silent_for_s == 0


def test_what_does_not_help_is_tried_ever_more_rarely(make_pcm: MakePcm) -> None:
    desk = Desk(2, -20.0)
    desk.apply(Scene((layer(make_pcm("bed", np.zeros((2, SR), np.float32)), fade_s=0),)))
    play(desk, 60)
    assert 3 <= desk.heals <= 5
    assert desk.dead_air_s == pytest.approx(60, abs=1)


@pytest.mark.parametrize("quiet", [Scene(), "muted", "master"])
def test_silence_on_purpose_is_left_alone(quiet: Scene | str, steady: str) -> None:
    desk = Desk(2, -20.0)
    if quiet == "master":
        desk.control(MasterControl(mute=True))
    desk.apply(quiet if isinstance(quiet, Scene) else Scene((layer(steady, muted=quiet == "muted"),)))
    play(desk, 10)
    assert (desk.heals, desk.dead_air_s) == (0, 0)


def test_healing_starts_from_silence(make_pcm: MakePcm) -> None:
    """Never louder than before: the new beginning fades in as the scene says."""
    desk = Desk(2, -20.0)
    desk.apply(Scene((layer(make_pcm("bed", np.zeros((2, SR), np.float32)), fade_s=1.0),)))
    play(desk, HEAL_AFTER_S - 0.5)
    make_pcm("bed", np.full((2, SR), HALF, np.float32), loop=Loop(law="linear"))
    out = play(desk, 3.0)
    assert np.abs(np.diff(out[:, 0])).max() < HALF * np.pi / 2 / SR * 1.1


def test_a_song_with_a_long_rest_in_it_comes_to_its_end(make_pcm: MakePcm) -> None:
    """Begun anew it goes on where it was, or it would never get beyond its rest."""
    song = np.zeros((2, 9 * SR), np.float32)
    song[:, :SR], song[:, 7 * SR :] = HALF / 2, HALF
    desk = Desk(2, -20.0)
    desk.apply(Scene((layer(make_pcm("song", song, loop=Loop(xfade_s=0)), fade_s=0),)))
    out = play(desk, 9.0)[LOOKAHEAD:, 0]
    assert desk.heals == 1
    begins = int(np.argmax(out > HALF * 0.99))
    assert begins == pytest.approx(7 * SR, abs=SR // 100)
