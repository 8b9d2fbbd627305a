"""A room that hears nothing though it should, although its songs were begun anew: others come."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from appliance.clock import ManualClock
from appliance.model import Fader
from appliance.player import Player
from appliance.unheard import ASIDE_AFTER_S, ASIDE_FOR_S
from mixer.scene import SongId
from tests.factories import FIRE, RAIN, Box, put_songs, song_row, uid
from tests.fakes import FakeEngine

MakePlayer = Callable[..., Player]


@pytest.fixture
def make_player(box: Box, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> MakePlayer:
    """A player for one bed at a time, among those of these numbers; the files of `silent` hold nothing to hear."""

    def make(numbers: range, silent: set[int]) -> Player:
        monkeypatch.setattr("appliance.player.TICK_S", 0.0)
        store = box.store("player")
        embeddings = [RAIN, FIRE]
        put_songs(store, *(song_row(n, embedding=embeddings[n % 2], title=f"Song {n}") for n in numbers))
        engine = FakeEngine(clock.boot_s, sounds=lambda path: not any(uid(n) in path for n in silent))
        return Player(store, engine, box.runtime, box.config(COSOUND_BEDS="1"))

    return make


def play(player: Player, clock: ManualClock, seconds: float) -> None:
    for _ in range(int(seconds)):
        clock.advance(1)
        player.step()


def sounding(player: Player) -> set[str]:
    assert isinstance(player.engine, FakeEngine)
    return {layer.song_id for layer in player.engine.scene.layers}


def test_another_layer_takes_the_place_of_one_that_is_not_heard(make_player: MakePlayer, clock: ManualClock) -> None:
    silent: set[int] = set()
    player = make_player(range(1, 4), silent)
    play(player, clock, 2)
    silent |= {number for number in (1, 2, 3) if uid(number) in sounding(player)}
    (spoilt,) = silent
    play(player, clock, ASIDE_AFTER_S - 1)
    assert sounding(player) == {uid(spoilt)}, "it may be a rest in it"
    play(player, clock, 2)
    assert not sounding(player) & {uid(spoilt)}
    assert player.engine.status().silent_for_s == 0


def test_it_may_come_back_in_an_hour(make_player: MakePlayer, clock: ManualClock) -> None:
    player = make_player(range(1, 3), silent={1, 2})
    play(player, clock, 2)
    (first,) = sounding(player)
    play(player, clock, ASIDE_AFTER_S)
    assert first not in sounding(player)
    assert first in player._unheard.aside(clock.boot_s())
    assert first not in player._unheard.aside(clock.boot_s() + ASIDE_FOR_S)


def test_a_room_with_nothing_else_keeps_what_it_has_and_says_so_once_an_hour(
    make_player: MakePlayer, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    player = make_player(range(1, 2), silent={1})
    play(player, clock, 10 * ASIDE_AFTER_S)
    assert sounding(player) == {uid(1)}
    assert caplog.text.count("is not heard") == 1
    play(player, clock, ASIDE_FOR_S)
    assert caplog.text.count("is not heard") == 2


@pytest.mark.parametrize("hand", ["mute", "fader", "master"])
def test_a_silence_of_staffs_own_is_left_alone(make_player: MakePlayer, clock: ManualClock, hand: str) -> None:
    player = make_player(range(1, 3), silent={1, 2})
    play(player, clock, 2)
    (first,) = sounding(player)
    room = player.store.room
    if hand == "master":
        room.set_master(gain_db=-50.0)
    else:
        room.hold_fader(Fader(SongId(first), -50.0 if hand == "fader" else 0.0, muted=hand == "mute"))
    play(player, clock, 3 * ASIDE_AFTER_S)
    assert sounding(player) == {first}
