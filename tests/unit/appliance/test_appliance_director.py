from __future__ import annotations

from typing import Any

import pytest

from appliance.clock import ManualClock
from appliance.director import Direction, Director
from appliance.model import Fader, Rule
from appliance.store import Store
from mixer.scene import SongId
from tests.factories import FIRE, RAIN, SEA, Box, profile_row, put, put_songs, song_row, tap, uid

RAINY, STORMY, FIERY = uid(1), uid(2), uid(3)


@pytest.fixture
def director(box: Box, store: Store) -> Director:
    """A room with rain, sea and fire, and one instrumental."""
    put_songs(
        store,
        song_row(1, embedding=RAIN, title="Rain"),
        song_row(2, embedding=SEA, title="Sea"),
        song_row(3, embedding=FIRE, title="Fire"),
        song_row(4, "instrumental", None, title="Tune"),
    )
    return Director(store, box.config())


def arrive(store: Store, card: str, likes: Any) -> str:
    """A returning listener whose taste the cloud has told."""
    listener = tap(store, card).listener
    assert listener is not None
    store.bucket.apply([put("profiles", listener.id, profile_row(listener.id, card.title(), likes))], epoch="e", rev=1)
    return listener.id


def levels(direction: Direction) -> dict[str, float]:
    return {layer.title: layer.gain_db for layer in direction.scene.layers}


def set_house(store: Store, value: object) -> None:
    store.bucket.apply([put("settings", "house_taste", {"key": "house_taste", "value": value})], epoch="e", rev=1)


def test_a_room_without_songs_is_silent_and_says_nothing(box: Box, store: Store) -> None:
    direction = Director(store, box.config()).look()
    assert (direction.scene.layers, direction.changed, direction.why) == ((), False, ())


def test_an_empty_room_plays_the_house_mix(director: Director) -> None:
    direction = director.look()
    assert set(levels(direction)) == {"Rain", "Sea", "Fire", "Tune"}
    assert direction.here == 0
    assert "Sea: Playing because it is part of the house mix." in direction.why
    assert {move.direction for move in direction.moves} == {"in"}


def test_the_rooms_own_house_taste_is_heard(director: Director, store: Store) -> None:
    set_house(store, list(FIRE))
    heard = levels(director.look())
    assert heard["Fire"] > heard["Rain"] + 6


@pytest.mark.parametrize(
    "setting", ["rain", [1, 2], ["a", "b", "c", "d", "e"], [[1]], {"x": 1}, 5, [0] * 5, None], ids=repr
)
def test_a_house_taste_that_is_none_is_the_house_of_every_box(
    director: Director, store: Store, setting: object
) -> None:
    usual = levels(director.look())
    set_house(store, setting)
    assert levels(director.look()) == usual


def test_whoever_comes_moves_the_mix_towards_their_taste_and_is_named(director: Director, store: Store) -> None:
    before = levels(director.look())
    arrive(store, "heron", FIRE)
    direction = director.look()
    assert levels(direction)["Fire"] > before["Fire"] + 1
    assert direction.here == 1
    assert direction.cause()["tap"] == {"name": "Heron", "outcome": "in", "new": True}
    assert any(why.startswith("Fire: ") and "the person here likes the fire" in why for why in direction.why)


def test_a_vote_moves_the_mix_before_the_cloud_has_heard_of_it(director: Director, store: Store) -> None:
    who = arrive(store, "heron", RAIN)
    before = levels(director.look())
    for _ in range(4):
        store.people.record_vote(who, FIERY, 5, FIRE)
        store.people.record_vote(who, RAINY, 1, RAIN)
    after = levels(director.look())
    assert after["Fire"] - after["Rain"] > before["Fire"] - before["Rain"] + 1


def test_a_tap_is_told_once(director: Director, store: Store) -> None:
    tap(store)
    assert director.look().tap is not None
    assert director.look().tap is None


def test_a_tap_from_before_a_restart_is_no_news(box: Box, director: Director, store: Store) -> None:
    tap(store)
    direction = director.look()
    store.scenes.record([], taps_seen=direction.taps_seen, cause={})
    assert Director(store, box.config()).look().tap is None
    tap(store, "other")
    assert Director(store, box.config()).look().tap is not None


def test_a_tap_that_comes_while_we_read_belongs_to_what_was_read(
    director: Director, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    present, others = store.people.present, ["late"]

    def and_then_somebody_taps() -> Any:
        people = present()
        if others:
            monkeypatch.setattr(store.people, "present", present)
            tap(store, others.pop())
        return people

    monkeypatch.setattr(store.people, "present", and_then_somebody_taps)
    direction = director.look()
    assert (direction.here, direction.taps_seen) == (1, store.people.newest_tap_seq())


def test_a_phone_nobody_knows_is_named_in_no_cause(director: Director, store: Store) -> None:
    tap(store, card=None)
    assert director.look().cause()["tap"] is None


def test_staff_rules_are_obeyed_at_once(director: Director, store: Store, clock: ManualClock) -> None:
    store.room.set_rule(Rule(SongId(RAINY), "ban"))
    store.room.set_rule(Rule(SongId(STORMY), "skip", until_s=clock.wall + 60))
    store.room.set_rule(Rule(SongId(FIERY), "pin"))
    direction = director.look()
    assert set(levels(direction)) == {"Fire", "Tune"}
    assert any("staff pinned it" in why for why in direction.why)
    clock.advance(61)
    assert set(levels(director.look())) == {"Sea", "Fire", "Tune"}


def test_a_place_counts_whoever_ranked_the_queue(box: Box, store: Store, clock: ManualClock) -> None:
    put_songs(store, *(song_row(number) for number in range(1, 5)))
    director = Director(store, box.config(COSOUND_BEDS="2"))
    store.room.replace_queue([uid(number) for number in (1, 2, 3)], rev="r")
    assert {layer.song_id for layer in director.look().scene.layers} == {uid(1), uid(2)}
    store.room.set_rule(Rule(SongId(uid(4)), "place", 1))
    clock.advance(30)
    store.room.confirm_queue()
    assert {layer.song_id for layer in director.look().scene.layers} == {uid(4), uid(1)}


def test_when_the_last_one_leaves_the_mix_glides_back_to_the_house_and_never_falls_silent(
    director: Director, store: Store, clock: ManualClock
) -> None:
    house, guests = levels(director.look()), ("heron", "wren", "robin")
    for guest in guests:
        arrive(store, guest, FIRE)
    for _ in range(600):
        clock.advance(1)
        liked = levels(director.look())
    assert liked["Fire"] > house["Fire"] + 3
    for guest in guests:
        tap(store, guest)
    for _ in range(120):
        clock.advance(1)
        direction = director.look()
        assert direction.here == 0
        assert all(layer.fade_s >= 2 for layer in direction.scene.layers), "a glide, not a jump"
        assert sum(10 ** (layer.gain_db / 10) for layer in direction.scene.layers) == pytest.approx(1, rel=0.12)
    assert levels(direction) == pytest.approx(house, abs=1.0)


def test_a_hand_on_a_fader_holds(director: Director, store: Store) -> None:
    store.room.hold_fader(Fader(SongId(RAINY), -7.5))
    store.room.hold_fader(Fader(SongId(FIERY), None, muted=True))
    layers = {layer.title: layer for layer in director.look().scene.layers}
    assert (layers["Rain"].gain_db, layers["Rain"].held) == (-7.5, True)
    assert (layers["Fire"].muted, layers["Fire"].held) == (True, False)


def test_moves_are_told_largest_first(director: Director, store: Store) -> None:
    director.look()
    store.room.hold_fader(Fader(SongId(RAINY), 0.0))
    store.room.hold_fader(Fader(SongId(FIERY), -40.0))
    first, second, *_ = director.look().moves
    assert (first.title, first.direction) == ("Fire", "down")
    assert (second.title, second.direction, second.to_db) == ("Rain", "up", 0.0)


def test_the_same_room_again_moves_nothing(director: Director, clock: ManualClock) -> None:
    director.look()
    clock.advance(1)
    assert not director.look().changed


def test_french_is_spoken_where_it_is_asked_for(box: Box, director: Director, store: Store) -> None:
    french = Director(store, box.config(COSOUND_LANGUAGE="fr"))
    assert all("Joué parce" in why for why in french.look().why)


def test_the_old_rule_can_be_chosen(box: Box, director: Director, store: Store) -> None:
    arrive(store, "heron", FIRE)
    heard = levels(Director(store, box.config(COSOUND_TASTE_RULE="v1")).look())
    assert heard["Fire"] > heard["Rain"] + 6


def test_a_listener_whose_taste_is_torn_does_not_stop_the_room(director: Director, store: Store) -> None:
    who = arrive(store, "heron", FIRE)
    with store.db.write() as conn:
        conn.execute("update profiles set taste_state = '{\"mean\": [1]}' where id = ?", (who,))
    assert director.look().here == 1
