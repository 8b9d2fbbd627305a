from __future__ import annotations

from appliance.brain import BEDS, INSTRUMENTALS, refresh_queue
from appliance.clock import ManualClock
from appliance.model import Rule
from appliance.store import Store
from mixer.scene import SongId
from tests.factories import FIRE, RAIN, SEA, song, uid

SONGS = [song(1, embedding=RAIN), song(2, embedding=SEA), song(3, embedding=FIRE)]


def ids(store: Store) -> list[str]:
    return [entry.song_id for entry in store.room.queue().entries]


def test_a_young_queue_of_the_cloud_is_left_alone(store: Store, clock: ManualClock) -> None:
    store.room.replace_queue(["theirs"], rev="r")
    clock.advance(89)
    assert not refresh_queue(store, SONGS, SEA, [])
    clock.advance(1)
    assert refresh_queue(store, SONGS, SEA, [])
    assert ids(store)[0] == uid(2)
    assert store.room.queue().source == "local"


def test_a_box_that_never_met_the_cloud_ranks_at_once(store: Store) -> None:
    assert refresh_queue(store, SONGS, FIRE, [])
    assert ids(store)[0] == uid(3)


def test_ranking_the_same_again_writes_nothing(store: Store, clock: ManualClock) -> None:
    refresh_queue(store, SONGS, FIRE, [])
    clock.advance(90)
    assert not refresh_queue(store, SONGS, FIRE, [])


def test_without_songs_the_stored_queue_stays(store: Store) -> None:
    store.room.replace_queue(["theirs"], rev="r")
    assert not refresh_queue(store, [], FIRE, [])
    assert ids(store) == ["theirs"]


def test_staff_rules_are_obeyed(store: Store) -> None:
    rules = [Rule(SongId(uid(1)), "pin"), Rule(SongId(uid(3)), "ban")]
    refresh_queue(store, SONGS, FIRE, rules)
    assert ids(store) == [uid(1), uid(2)]


def test_what_played_just_now_steps_back(store: Store) -> None:
    alike = [song(1, embedding=RAIN), song(2, embedding=RAIN)]
    store.scenes.begin_play(uid(1), 10.0)
    refresh_queue(store, alike, RAIN, [])
    assert ids(store) == [uid(2), uid(1)]


def test_a_queue_is_so_many_beds_and_then_so_many_instrumentals(store: Store) -> None:
    many = [song(number, kind="soundscape" if number % 2 else "instrumental") for number in range(1, 61)]
    refresh_queue(store, many, RAIN, [])
    kinds = {one.id: one.kind for one in many}
    assert [kinds[SongId(one)] for one in ids(store)] == ["soundscape"] * BEDS + ["instrumental"] * INSTRUMENTALS
