"""What sounds beside the mix: once, in time, and never into a hush."""

from __future__ import annotations

import numpy as np
import pytest
from mixer_sounds import HALF, SR, MakePcm, Samples

from mixer.bus import SLAB
from mixer.engine import MasterControl
from mixer.offline_engine import OfflineEngine


@pytest.fixture
def long(make_pcm: MakePcm) -> str:
    return make_pcm("long", np.full((1, 5 * SR), HALF, np.float32))


def last_heard_s(out: Samples) -> float:
    return float(np.flatnonzero(out.any(axis=1))[-1]) / SR


def test_it_is_over_by_the_moment_it_was_given(long: str) -> None:
    engine = OfflineEngine()
    engine.render(3 * SLAB)
    begin_s = 3 * SLAB / SR
    engine.cue("audition", long, until_s=begin_s + 1.0)
    out = engine.render(2 * SR)
    assert 0.85 < last_heard_s(out) < 1.0
    assert np.abs(np.diff(out[:, 0])).max() < HALF / 200, "it fades"


def test_without_a_moment_it_plays_to_its_end(make_pcm: MakePcm) -> None:
    engine = OfflineEngine()
    engine.cue("chime", make_pcm("chime", np.full((1, SR // 2), HALF, np.float32)))
    assert last_heard_s(engine.render(SR)) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("left_s", [-5.0, 0.0, 0.05])
def test_what_has_no_time_left_is_not_begun_nor_remembered_for_later(long: str, left_s: float) -> None:
    engine = OfflineEngine()
    engine.render(12 * SLAB)
    engine.cue("late", long, until_s=12 * SLAB / SR + left_s)
    assert not engine.render(SR).any()
    engine.cue("late", long)
    assert not engine.render(SR).any(), "once for each id"


def test_a_hush_between_the_asking_and_the_playing_keeps_it_out(long: str) -> None:
    engine = OfflineEngine()
    engine.cue("chime", long)
    engine.control(MasterControl(hush=True))
    assert not engine.render(SR).any()
    engine.control(MasterControl())
    assert not engine.render(SR).any()


@pytest.mark.parametrize("master", [MasterControl(hush=True, hush_db=-6.0), MasterControl(mute=True)])
def test_what_sounds_when_the_room_is_hushed_fades_out_and_does_not_come_back(long: str, master: MasterControl) -> None:
    engine = OfflineEngine()
    engine.cue("audition", long)
    engine.render(4 * SLAB)
    engine.control(master)
    hushed = engine.render(SR)
    assert last_heard_s(hushed) < 0.2
    assert np.abs(np.diff(hushed[:, 0])).max() < HALF / 200
    engine.control(MasterControl())
    assert not engine.render(SR).any()


def test_the_next_one_takes_its_place(long: str, make_pcm: MakePcm) -> None:
    engine = OfflineEngine()
    engine.cue("first", long)
    engine.render(4 * SLAB)
    engine.cue("second", make_pcm("second", np.full((1, SR // 2), -HALF / 2, np.float32)), until_s=100.0)
    out = engine.render(SR)
    assert out[SR // 4, 0] < 0
    assert not out[SR * 3 // 4 :].any(), "what it displaced had no end and is gone all the same"
