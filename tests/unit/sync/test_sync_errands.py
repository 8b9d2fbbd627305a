from __future__ import annotations

from random import Random

from appliance.clock import ManualClock
from appliance.model import Song
from mixer.scene import SongId
from sync.errands import RATE_OVER_S, Errands, Progress


def song(name: str, size: int) -> Song:
    return Song(SongId(name), name, "soundscape", sha256=name, byte_size=size)


def test_what_is_to_come_and_how_fast_it_comes() -> None:
    clock = ManualClock()
    errands, rain, sea = Errands(clock, Random(1)), song("rain", 1000), song("sea", 500)
    errands.mean_to_have([rain, sea])
    assert errands.progress_of_all() == Progress(2, 1500, 0)
    assert errands.take([rain, sea]) == rain
    for have in (200, 400):
        clock.advance(1)
        errands.progress(rain, have, 200)
    assert errands.progress_of_all() == Progress(2, 1100, round(400 / RATE_OVER_S))
    clock.advance(RATE_OVER_S)
    assert errands.progress_of_all().bytes_per_s == round(200 / RATE_OVER_S)
    clock.advance(1)
    assert errands.progress_of_all() == Progress(2, 1100, 0), "nothing comes any more"
    errands.done(rain)
    errands.mean_to_have([sea])
    assert errands.progress_of_all() == Progress(1, 500, 0)


def test_what_was_here_before_an_attempt_is_no_speed() -> None:
    clock = ManualClock()
    errands, rain = Errands(clock, Random(1)), song("rain", 1000)
    errands.mean_to_have([rain])
    errands.take([rain])
    errands.progress(rain, 900, 20)
    assert errands.progress_of_all() == Progress(1, 100, 1)


def test_a_file_rests_as_long_as_its_store_asked_for_and_holds_up_no_other() -> None:
    clock = ManualClock()
    errands, rain, sea = Errands(clock, Random(1)), song("rain", 1000), song("sea", 500)
    errands.take([rain])
    errands.leave(rain, rest=True, at_least_s=120.0)
    assert errands.take([rain, sea]) == sea
    clock.advance(119)
    assert errands.take([rain]) is None
    clock.advance(1)
    assert errands.take([rain]) == rain
