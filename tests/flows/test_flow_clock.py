"""Somebody sets the clock ten years back, or forward, while the room is full: nothing that counts is counted by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.brain import STALE_QUEUE_S
from appliance.voting import vote_on_song
from tests.factories import FIRE, RAIN, count, op_types, put_songs, song_row, uid

if TYPE_CHECKING:
    from conftest import MakeRoom, Room

HERON, OTHER = "04a1b2c3d4e5f6", "04ffeeddccbbaa"
TEN_YEARS_S = 10 * 365.25 * 86_400


@pytest.fixture(params=[-TEN_YEARS_S, TEN_YEARS_S], ids=["back", "forward"])
def room(make_room: MakeRoom, request: pytest.FixtureRequest) -> Room:
    """Heron is in, two songs sound, the queue has just come, a play is open; then the clock is set."""
    room = make_room()
    put_songs(room.sync, song_row(1, embedding=RAIN, title="Rain"), song_row(2, embedding=FIRE, title="Fire"))
    room.know(HERON, "Heron", FIRE)
    room.tap(HERON)
    room.sync.room.replace_queue([uid(2), uid(1)], rev="7")
    room.pass_time(12)
    room.clock.set_wall(room.clock.wall_s() + request.param)
    return room


def test_who_is_here_stays_for_the_hour_and_no_longer(room: Room) -> None:
    assert room.screen.people.here() == 1
    room.pass_time(3600 - 12 - 60, every_s=60)
    assert room.screen.people.here() == 1
    room.pass_time(120, every_s=60)
    assert room.screen.people.here() == 0


def test_taps_and_votes_count(room: Room) -> None:
    room.tap(OTHER)
    assert room.screen.people.here() == 2
    voter = room.screen.people.voter_at_screen()
    assert voter is not None
    vote_on_song(room.screen, voter.id, 5, uid(2))
    assert op_types(room.sync)[-1] == "vote"
    room.clock.advance(30)
    room.tap(HERON)
    assert room.screen.people.here() == 1, "and a second tap after half a minute means goodbye, as ever"


def test_the_queue_is_as_old_as_it_is(room: Room) -> None:
    assert room.screen.room.queue().age_s == pytest.approx(12)
    room.pass_time(STALE_QUEUE_S - 12 - 5)
    assert room.screen.room.queue().source == "cloud"
    room.pass_time(20)
    assert room.screen.room.queue().source == "local", "and the box ranks by itself when nobody confirms it"


def test_the_mix_goes_on_and_plays_are_as_long_as_they_were(room: Room) -> None:
    before = room.levels()
    room.pass_time(20)
    assert set(room.levels()) == set(before)
    assert room.box.runtime.read("player")["audible"] is True
    room.player.close()
    heard = [row["seconds"] for row in room.screen.db.rows("select seconds from songs_playing")]
    assert heard
    assert all(10 <= seconds <= 40 for seconds in heard)
    assert count(room.screen, "songs_playing") == len(before), "no play was closed and opened anew"
