"""The cloud says what is best next; the room is led there, not shaken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.model import Rule
from appliance.store.bucket import BucketChange
from appliance.ui.word import say, take_back
from mixer.scene import SongId
from tests.factories import op_types, put_songs, song_row, uid

if TYPE_CHECKING:
    from conftest import MakeRoom, Room


@pytest.fixture
def room(make_room: MakeRoom) -> Room:
    """Four beds sound, in the cloud's order; four more are ready."""
    room = make_room(COSOUND_BEDS="4", COSOUND_CHANGES_PER_MINUTE="2")
    put_songs(room.sync, *(song_row(number, title=str(number)) for number in range(1, 9)))
    queue(room, 1, 2, 3, 4)
    room.pass_time(1)
    return room


def queue(room: Room, *numbers: int) -> None:
    room.sync.room.replace_queue([uid(number) for number in numbers], rev=str(numbers))


def sounding(room: Room) -> set[int]:
    return {int(title) for title in room.levels()}


def keep_cloud(room: Room, seconds: float) -> None:
    """Time passes with the cloud there."""
    for _ in range(round(seconds / 20)):
        room.pass_time(20)
        room.sync.room.confirm_queue()


def test_a_new_queue_is_followed_under_the_change_budget(room: Room) -> None:
    assert sounding(room) == {1, 2, 3, 4}
    keep_cloud(room, 280)
    queue(room, 5, 6, 7, 8)
    room.player.step()
    assert sounding(room) == {1, 2, 3, 4}, (
        "liked alike, they are not exchanged for the order's sake before five minutes"
    )
    keep_cloud(room, 20)
    assert sounding(room) & {5, 6} == {5, 6}, "the best two come at once"
    assert len(sounding(room)) == 4
    keep_cloud(room, 40)
    assert len(sounding(room) & {5, 6, 7, 8}) == 2, "no more within the minute"
    keep_cloud(room, 40)
    assert sounding(room) == {5, 6, 7, 8}


def test_when_the_cloud_falls_silent_the_box_ranks_for_itself(room: Room) -> None:
    room.pass_time(60)
    assert room.screen.room.queue().source == "cloud"
    room.pass_time(40)
    assert room.screen.room.queue().source == "local"
    assert len(room.screen.room.queue().entries) == 8
    assert len(sounding(room)) == 4
    queue(room, 5, 6, 7, 8)
    room.pass_time(1)
    assert [entry.song_id for entry in room.screen.room.queue().entries] == [uid(n) for n in (5, 6, 7, 8)]


def test_staff_are_obeyed_at_once_and_the_cloud_is_told(room: Room) -> None:
    room.screen.room.set_rule(Rule(SongId(uid(8)), "pin"))
    room.screen.room.set_rule(Rule(SongId(uid(1)), "ban"))
    room.player.step()
    assert 8 in sounding(room)
    assert 1 not in sounding(room)
    assert len(sounding(room)) == 4
    assert op_types(room.sync) == ["rule", "rule"]


def test_a_bed_sent_away_by_mistake_is_heard_again_at_once(room: Room) -> None:
    said = say(room.screen, uid(1), "ban", sounding=True)
    room.player.step()
    assert 1 not in sounding(room)
    take_back(room.screen, said)
    room.player.step()
    assert 1 in sounding(room)
    assert len(sounding(room)) == 4
    keep_cloud(room, 120)
    assert 1 in sounding(room), "its place was not lent to it"
    assert room.screen.room.rules() == []


def test_what_staff_listen_to_alone_is_all_that_is_heard_and_all_that_is_rated(room: Room) -> None:
    room.screen.room.solo(uid(2), 60)
    room.player.step()
    room.player.step()
    assert [layer["song_id"] for layer in room.box.runtime.read("player")["scene"]] == [uid(2)]
    room.screen.room.end_solo()
    room.player.step()
    assert len(room.box.runtime.read("player")["scene"]) == 4


def test_a_song_the_cloud_took_away_leaves_and_its_place_is_filled(room: Room) -> None:
    room.sync.bucket.apply([BucketChange("songs", uid(2), "del")], epoch="e", rev=9)
    room.player.step()
    assert 2 not in sounding(room)
    assert len(sounding(room)) == 4


def test_queued_songs_that_are_not_ready_leave_no_gap(room: Room) -> None:
    put_songs(room.sync, song_row(20, title="20"), song_row(21, title="21"), ready=False)
    queue(room, 20, 21, 1, 2)
    keep_cloud(room, 40)
    assert len(sounding(room)) == 4
    assert {1, 2} <= sounding(room)
    assert not {20, 21} & sounding(room)
