"""A face is pressed; the taste moves, the sound follows, and the cloud hears of it once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.audience import taste_of
from appliance.errors import InputError
from appliance.voting import vote_on_mix, vote_on_song
from tests.factories import FIRE, RAIN, count, op_types, put_songs, settle_all, song_row, uid

if TYPE_CHECKING:
    from conftest import MakeRoom, Room

HERON = "04a1b2c3d4e5f6"


@pytest.fixture
def room(make_room: MakeRoom) -> Room:
    """Rain and fire sound; Heron, of whom nothing is known but the name, is in."""
    room = make_room()
    put_songs(room.sync, song_row(1, embedding=RAIN, title="Rain"), song_row(2, embedding=FIRE, title="Fire"))
    room.know(HERON, "Heron", (0.0,) * 5)
    room.tap(HERON)
    room.pass_time(1)
    settle_all(room.sync)
    return room


def heron(room: Room) -> str:
    voter = room.screen.people.voter_at_screen()
    assert voter is not None
    return voter.id


def lean(room: Room) -> float:
    """How many dB fire is above rain."""
    return room.levels()["Fire"] - room.levels()["Rain"]


def test_votes_are_heard_at_the_next_step(room: Room) -> None:
    before, who = lean(room), heron(room)
    vote_on_song(room.screen, who, 5, uid(2))
    vote_on_song(room.screen, who, 1, uid(1))
    room.player.step()
    assert lean(room) > before + 1
    assert op_types(room.sync) == ["vote", "vote"]


def test_a_face_rates_the_mix_by_what_was_heard_of_each(room: Room) -> None:
    scene = [(layer["song_id"], layer["share"]) for layer in room.box.runtime.read("player")["scene"]]
    vote_on_mix(room.screen, heron(room), 2, scene)
    (op,) = room.sync.outbox.batch(9)
    loudest = max(scene, key=lambda layer: layer[1])[0]
    assert (op.body["song_id"], op.body["vote_value"]) == (loudest, 2)
    assert {layer["song_id"] for layer in op.body["scene"]} == {uid(1), uid(2)}
    assert op.body["scene_id"] == room.box.runtime.read("player")["scene_id"]


def test_the_cloud_learns_the_same_and_the_box_learns_nothing_twice(room: Room) -> None:
    who = heron(room)
    vote_on_song(room.screen, who, 5, uid(2))
    room.player.step()
    heard = room.levels()
    (person,) = room.sync.people.present()
    learnt = taste_of(person)
    settle_all(room.sync)
    assert taste_of(room.sync.people.present()[0]) == learnt, "acknowledged, and not yet pulled"
    state = learnt.to_dict()
    room.know(HERON, "Heron", learnt.preference_vector, rev=2, taste_state=state)
    assert taste_of(room.sync.people.present()[0]) == learnt, "pulled: the same vote is not folded again"
    room.pass_time(2)
    assert room.levels() == heard


def test_a_vote_by_phone_moves_the_room_when_its_taste_arrives(room: Room) -> None:
    before = lean(room)
    room.know(HERON, "Heron", FIRE, rev=2)
    room.player.step()
    assert lean(room) > before + 1
    assert count(room.screen, "votes") == 0, "a pulled vote is never learnt again"


def test_a_refused_vote_is_taken_back_from_the_mix(room: Room) -> None:
    before = room.levels()
    for _ in range(3):
        vote_on_song(room.screen, heron(room), 5, uid(2))
    room.player.step()
    assert room.levels() != before
    room.sync.outbox.settle([(op.op_id, "rejected: not_playing") for op in room.sync.outbox.batch(9)])
    room.player.step()
    assert room.levels() == before
    assert len(room.screen.outbox.dead_letters()) == 3


def test_what_does_not_sound_cannot_be_rated(room: Room) -> None:
    put_songs(room.sync, song_row(3, title="Elsewhere"), ready=False)
    with pytest.raises(InputError, match="did not play"):
        vote_on_song(room.screen, heron(room), 5, uid(3))
    assert op_types(room.sync) == []


def test_half_a_minute_after_the_tap_the_faces_belong_to_nobody(room: Room) -> None:
    room.pass_time(31)
    assert room.screen.people.voter_at_screen() is None
