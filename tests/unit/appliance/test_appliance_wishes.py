"""Whom the room follows, how far and how fast, and what it says about it: the director over a whole evening."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import Any

import pytest

from appliance.clock import ManualClock
from appliance.director import Direction, Director
from appliance.model import Fader, Rule
from appliance.store import Store
from mixer.scene import SongId
from ml.ledger import Decision, replay
from ml.prior import Prior
from ml.taste import Taste, learn
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


def levels(direction: Direction) -> dict[str, float]:
    return {layer.title: layer.gain_db for layer in direction.scene.layers}


CROWD_OF_FIRE = reduce(lambda crowd, _: crowd.with_vote(FIRE, 5).with_vote(RAIN, 1), range(40), Prior.default())


def set_crowd(store: Store, value: object) -> None:
    store.bucket.apply([put("settings", "taste.prior", {"key": "taste.prior", "value": value})], epoch="e", rev=1)


def fond(store: Store, card: str, *votes: tuple[Any, int]) -> str:
    """A returning listener who has voted."""
    listener = tap(store, card).listener
    assert listener is not None
    who: str = listener.id
    taste = reduce(lambda taste, vote: learn(taste, *vote), votes, Taste.newcomer())
    row = profile_row(who, card.title(), taste.preference_vector) | {"taste_state": taste.to_dict()}
    store.bucket.apply([put("profiles", who, row)], epoch="e", rev=1)
    return who


def fire_over_rain(direction: Direction) -> float:
    heard = levels(direction)
    return heard["Fire"] - heard["Rain"]


class TestTheCrowd:
    def test_it_is_the_start_of_every_taste(self, box: Box, director: Director, store: Store) -> None:
        fond(store, "heron", (SEA, 4))
        for card in ("wren", "otter", "fox"):
            tap(store, card)
        alone = fire_over_rain(director.look())
        set_crowd(store, CROWD_OF_FIRE.to_dict())
        assert fire_over_rain(Director(store, box.config()).look()) > alone + 3

    @pytest.mark.parametrize(
        "torn", [None, "text", 5, [], {}, {"mean": [0.5] * 6}, {**Prior.default().to_dict(), "precision": [0.0] * 36}]
    )
    def test_a_torn_one_is_as_none(self, director: Director, store: Store, torn: object) -> None:
        fond(store, "heron", (FIRE, 5))
        usual = levels(director.look())
        set_crowd(store, torn)
        assert levels(director.look()) == usual

    def test_an_empty_room_is_the_houses_whatever_the_crowd_likes(self, director: Director, store: Store) -> None:
        usual = levels(director.look())
        set_crowd(store, CROWD_OF_FIRE.to_dict())
        tap(store, "newcomer")
        direction = director.look()
        assert levels(direction) == usual
        assert "Sea: Playing because it is part of the house mix." in direction.why


class TestFairness:
    def pull(self, director: Director) -> float:
        return fire_over_rain(director.look())

    def evening(self, director: Director, clock: ManualClock, seconds: int, every_s: int = 10) -> None:
        for _ in range(seconds // every_s):
            clock.advance(every_s)
            director.look()

    def test_whoever_missed_their_taste_for_long_pulls_more(
        self, box: Box, store: Store, clock: ManualClock, director: Director
    ) -> None:
        """Two love the rain and one the fire, and the fire is muted: the evening owes the one something."""
        director = Director(store, box.config(COSOUND_MIN_GROUP="1"))
        for card in ("heron", "wren"):
            fond(store, card, (RAIN, 5), (RAIN, 5), (FIRE, 1))
        fond(store, "otter", (FIRE, 5), (FIRE, 5), (RAIN, 1))
        store.room.hold_fader(Fader(SongId(FIERY), -120.0, muted=True))
        store.room.hold_fader(Fader(SongId(RAINY), 0.0))
        director.look()
        self.evening(director, clock, 1800)
        store.room.release_faders([FIERY, RAINY])
        owed = self.pull(director)
        fresh = self.pull(Director(store, box.config(COSOUND_MIN_GROUP="1")))
        assert owed > fresh + 1

    def test_who_leaves_and_is_back_within_the_hour_finds_theirs(
        self, director: Director, store: Store, clock: ManualClock
    ) -> None:
        who = fond(store, "otter", (FIRE, 5), (RAIN, 1))
        store.room.hold_fader(Fader(SongId(FIERY), -120.0))
        director.look()
        self.evening(director, clock, 600)
        owed = director.look().decision or self.decision(director, store)
        tap(store, "otter")
        self.evening(director, clock, 1200)
        assert director.look().here == 0
        tap(store, "otter")
        back = self.decision(director, store)
        unmet = {one.profile_id: one.unmet for one in back.people}[who]
        assert unmet == pytest.approx({one.profile_id: one.unmet for one in owed.people}[who], rel=0.02)
        assert unmet > 0

    def decision(self, director: Director, store: Store) -> Decision:
        """The next decision: a hand on a fader calls for one."""
        now = {fader.song_id: fader.gain_db or 0.0 for fader in store.room.control().faders}
        store.room.hold_fader(Fader(SongId(RAINY), now.get(SongId(RAINY), -20.0) - 3))
        decision = director.look().decision
        assert decision is not None
        return decision

    def test_a_room_that_is_kept_silent_owes_nothing(
        self, director: Director, store: Store, clock: ManualClock
    ) -> None:
        fond(store, "otter", (FIRE, 5), (RAIN, 1))
        store.room.hold_fader(Fader(SongId(FIERY), -120.0))
        store.room.set_master(hush=True)
        director.look()
        self.evening(director, clock, 600)
        assert [one.unmet for one in self.decision(director, store).people] == [0.0]

    @pytest.mark.parametrize(("alone", "owed"), [(RAINY, True), (FIERY, False), (uid(99), False)])
    def test_who_must_hear_one_layer_alone_is_owed_unless_it_is_theirs(
        self, director: Director, store: Store, clock: ManualClock, alone: str, owed: bool
    ) -> None:
        """Of a song that does not sound there is nothing to hear: all of the mix is heard."""
        fond(store, "otter", (FIRE, 5), (RAIN, 1))
        director.look()
        for _ in range(10):
            store.room.solo(alone, 60)
            self.evening(director, clock, 50)
        assert ([one.unmet > 0.01 for one in self.decision(director, store).people]) == [owed]

    def test_what_is_owed_outlives_a_restart(self, box: Box, director: Director, store: Store) -> None:
        fond(store, "otter", (FIRE, 5), (RAIN, 1))
        decision = self.decision(director, store)
        later = Director(store, box.config())
        later.recall([replace(one, unmet=0.2) for one in decision.people])
        assert [one.unmet for one in self.decision(later, store).people] == [0.2]


class TestOnePersonAlone:
    def test_they_move_the_room_but_not_beyond_the_bound(self, box: Box, store: Store, director: Director) -> None:
        before = fire_over_rain(director.look())
        fond(store, "otter", *[(FIRE, 5), (RAIN, 1), (SEA, 1)] * 6)
        moved = {
            size: fire_over_rain(Director(store, box.config(COSOUND_MIN_GROUP=str(size))).look()) - before
            for size in (1, 2, 8)
        }
        assert moved[1] > moved[2] + 3
        assert moved[2] > 1, "one person alone is heard"
        assert abs(moved[8]) <= moved[2]


class TestPace:
    def test_a_room_turns_over_a_while_and_the_first_step_is_heard_at_once(
        self, director: Director, store: Store, clock: ManualClock
    ) -> None:
        before = fire_over_rain(director.look())
        for card in ("heron", "otter"):
            fond(store, card, *[(FIRE, 5), (RAIN, 1), (SEA, 1)] * 8)
        looks = [fire_over_rain(director.look())]
        for _ in range(90):
            clock.advance(1)
            looks.append(fire_over_rain(director.look()))
        assert looks[0] > before + 1
        assert looks[0] < looks[-1] - 3
        assert looks[-1] == looks[-20]

    def test_without_a_bound_it_turns_at_once(
        self, box: Box, store: Store, clock: ManualClock, director: Director
    ) -> None:
        free = Director(store, box.config(COSOUND_TASTE_CHANGE="0"))
        free.look()
        for card in ("heron", "otter"):
            fond(store, card, *[(FIRE, 5), (RAIN, 1), (SEA, 1)] * 8)
        at_once = levels(free.look())
        clock.advance(120)
        assert levels(free.look()) == pytest.approx(at_once, abs=0.6)


class TestTheLedger:
    def test_a_decision_is_told_when_the_scene_changes_and_can_be_made_again(
        self, director: Director, store: Store
    ) -> None:
        fond(store, "otter", *[(FIRE, 5), (RAIN, 1)] * 4)
        decision = director.look().decision
        assert decision is not None
        assert director.look().decision is None
        assert {song for song, _ in decision.songs} == {RAINY, STORMY, FIERY}, (
            "beds only: music has a turn, not a taste"
        )
        assert decision.chosen[0] == FIERY
        assert replay(decision).now[0] == FIERY
        assert replay(decision, rule="v1").turned > 0.01

    def test_banned_songs_were_not_on_offer(self, director: Director, store: Store) -> None:
        store.room.set_rule(Rule(SongId(RAINY), "ban"))
        decision = director.look().decision
        assert decision is not None
        assert {song for song, _ in decision.songs} == {STORMY, FIERY}


class TestWhy:
    def kinds(self, direction: Direction) -> dict[str, list[str]]:
        return {layer.title: [reason.kind for reason in layer.reasons] for layer in direction.scene.layers}

    def test_every_layer_says_what_put_it_there(self, director: Director, store: Store) -> None:
        put_songs(store, song_row(5, embedding=None, title="Hum"))
        store.room.set_rule(Rule(SongId(STORMY), "place", 1))
        store.room.set_rule(Rule(SongId(RAINY), "pin"))
        store.room.hold_fader(Fader(SongId(RAINY), -9.0))
        fond(store, "otter", *[(FIRE, 5), (RAIN, 1), (SEA, 1)] * 4)
        kinds = self.kinds(director.look())
        assert kinds["Rain"][:2] == ["pin", "staff"]
        assert kinds["Sea"][0] == "place"
        assert kinds["Fire"][-1] == "taste"
        assert kinds["Rain"][-1] == "near"
        assert kinds["Hum"][-2:] == ["rotation", "soft"]
        assert kinds["Tune"] == ["instrumental"]

    def test_what_played_lately_says_so_for_as_long_as_it_sounds(
        self, director: Director, store: Store, clock: ManualClock
    ) -> None:
        store.scenes.end_play(store.scenes.begin_play(RAINY, 10.0), 10.0)
        clock.advance(3600)
        direction = director.look()
        assert any(why.startswith("Rain: ") and "though it played not long ago" in why for why in direction.why)
        (cost,) = [reason for layer in direction.scene.layers if layer.title == "Rain" for reason in layer.reasons[-1:]]
        assert cost.kind == "penalty"
        assert cost.detail == {"penalty": 0.042, "hours": 1.0}
        clock.advance(36_000)
        assert self.kinds(director.look())["Rain"][-1] == "penalty"
        assert "penalty" not in self.kinds(director.look())["Fire"]

    @pytest.mark.parametrize("people", [2, 3])
    def test_in_a_small_group_nobody_learns_what_one_person_likes(
        self, director: Director, store: Store, people: int
    ) -> None:
        for number in range(people):
            fond(store, f"guest{number}", *[(FIRE, 5), (RAIN, 1), (SEA, 1)] * 4)
        reason = next(layer.reasons[-1] for layer in director.look().scene.layers if layer.title == "Fire")
        assert reason.detail == {"tag": "crackling_fire", "people": people}

    def test_in_a_larger_group_only_some_half_or_most_is_told(self, director: Director, store: Store) -> None:
        for number in range(8):
            fond(store, f"guest{number}", *[(FIRE, 5), (RAIN, 1), (SEA, 1)] * 4)
        reason = next(layer.reasons[-1] for layer in director.look().scene.layers if layer.title == "Fire")
        assert reason.detail == {"tag": "crackling_fire", "people": 8, "share": 0.75}
