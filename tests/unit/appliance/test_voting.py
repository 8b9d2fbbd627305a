"""A rating is about what sounded, and it is stored once or refused in one line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.errors import InputError, UnknownThing
from appliance.store import Store
from appliance.ui.still import StillRoom, song_id
from appliance.voting import vote_on_mix, vote_on_song

A, B = song_id(0), song_id(1)
EVEN = (0.2, 0.2, 0.2, 0.2, 0.2)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[StillRoom]:
    room = StillRoom(tmp_path)
    yield room
    room.close()


def heron(room: StillRoom) -> str:
    listener = room.tap("card-1").listener
    assert listener is not None
    return listener.id


def set_embedding(store: Store, song: str, *values: float) -> None:
    with store.db.write() as conn:
        conn.execute("update songs set embedding = ? where id = ?", (str(list(values)), song))


def votes(store: Store) -> list[tuple[object, ...]]:
    return [tuple(row) for row in store.db.rows("select song_id, vote_value, learnt_from, source from votes")]


def test_the_mix_is_stored_on_its_loudest_layer_and_learnt_as_a_whole(room: StillRoom) -> None:
    set_embedding(room.store, A, 1, 0, 0, 0, 0)
    set_embedding(room.store, B, 0, 1, 0, 0, 0)
    vote_on_mix(room.store, heron(room), 5, [(A, 0.25), (B, 0.75)])
    assert votes(room.store) == [(B, 5, "[0.25, 0.75, 0.0, 0.0, 0.0]", "screen")]


def test_a_vote_on_the_mix_names_the_scene_and_every_share(room: StillRoom) -> None:
    who = heron(room)
    scene = room.store.scenes.record([{"song_id": A}], taps_seen=1, cause={})
    vote_on_mix(room.store, who, 4, [(A, 2.0), (B, 2.0)], source="card")
    body = room.store.outbox.batch(10)[-1].body
    assert body["scene_id"] == scene
    assert body["scene"] == [{"song_id": A, "share": 0.5}, {"song_id": B, "share": 0.5}]
    assert body["source"] == "card"


def test_shares_need_not_add_up_to_one(room: StillRoom) -> None:
    vote_on_mix(room.store, heron(room), 3, [(A, 0.1), (B, 0.1)])
    assert json.loads(str(votes(room.store)[0][2])) == pytest.approx(EVEN)


def test_a_song_that_left_the_library_has_no_say_in_the_taste(room: StillRoom) -> None:
    set_embedding(room.store, A, 0, 0, 1, 0, 0)
    vote_on_mix(room.store, heron(room), 5, [("gone", 0.9), (A, 0.1)])
    assert votes(room.store) == [("gone", 5, "[0.0, 0.0, 1.0, 0.0, 0.0]", "screen")]


def test_a_mix_of_unknown_songs_teaches_nothing(room: StillRoom) -> None:
    vote_on_mix(room.store, heron(room), 5, [("gone", 1.0)])
    assert votes(room.store)[0][2] == "[0.0, 0.0, 0.0, 0.0, 0.0]"


@pytest.mark.parametrize("scene", [[], [(A, 0.0)], [(A, -1.0)], [(A, math.nan)], [(A, math.inf)]])
def test_silence_cannot_be_rated(room: StillRoom, scene: list[tuple[str, float]]) -> None:
    with pytest.raises(InputError, match="nothing is playing"):
        vote_on_mix(room.store, heron(room), 5, scene)
    assert votes(room.store) == []


@pytest.mark.parametrize("value", [0, 6, -1, 3.0, "5", True, None, math.nan])
def test_only_whole_numbers_from_1_to_5_are_votes(room: StillRoom, value: object) -> None:
    with pytest.raises(InputError, match="1"):
        vote_on_mix(room.store, heron(room), value, [(A, 1.0)])  # type: ignore[arg-type]
    assert votes(room.store) == []


def test_a_stranger_cannot_vote(room: StillRoom) -> None:
    with pytest.raises(UnknownThing, match="tap in first"):
        vote_on_mix(room.store, "nobody", 5, [(A, 1.0)])


def test_a_song_is_rated_while_it_sounds_and_for_a_minute_after(room: StillRoom) -> None:
    who = heron(room)
    room.store.scenes.record([{"song_id": A}], taps_seen=1, cause={})
    room.clock.advance(10)
    room.store.scenes.record([{"song_id": B}], taps_seen=1, cause={})
    room.clock.advance(59)
    vote_on_song(room.store, who, 2, A)
    assert votes(room.store) == [(A, 2, str(list(EVEN)), "screen")]
    room.clock.advance(2)
    with pytest.raises(InputError, match="did not play here"):
        vote_on_song(room.store, who, 2, A)


def test_a_song_that_never_sounded_is_refused_by_name(room: StillRoom) -> None:
    with pytest.raises(InputError, match="Waves on a long beach did not play here"):
        vote_on_song(room.store, heron(room), 5, A)


def test_a_song_that_is_not_in_the_library_is_refused(room: StillRoom) -> None:
    with pytest.raises(UnknownThing, match="no song 'nothing'"):
        vote_on_song(room.store, heron(room), 5, "nothing")


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(shares=st.lists(st.floats(min_value=0.001, max_value=1.0), min_size=1, max_size=8))
def test_whatever_sounds_shares_add_up_and_the_loudest_stands_for_the_mix(room: StillRoom, shares: list[float]) -> None:
    who = room.store.people.voter_at_screen() or room.tap("card-1").listener
    assert who is not None
    vote_on_mix(room.store, who.id, 5, [(song_id(number), share) for number, share in enumerate(shares)])
    body = room.store.outbox.batch(100)[-1].body
    assert sum(layer["share"] for layer in body["scene"]) == pytest.approx(1.0, abs=0.001)
    assert body["song_id"] == song_id(shares.index(max(shares)))
