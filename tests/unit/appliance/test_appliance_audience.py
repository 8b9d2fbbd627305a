from __future__ import annotations

import math
from typing import Any

import pytest

from appliance.audience import present_people, taste_of
from appliance.model import Listener, PendingVote, Presence, ProfileId, Vector
from ml.taste import Taste, learn
from tests.factories import FIRE, RAIN, SEA


def presence(
    vector: Vector = RAIN,
    state: dict[str, Any] | None = None,
    votes: tuple[PendingVote, ...] = (),
    left_s: float = 3600,
) -> Presence:
    return Presence(Listener(ProfileId("p"), "Heron", vector, state), "s", 0.0, left_s, votes)


def stored(taste: Taste) -> dict[str, Any]:
    state = taste.to_dict()
    del state["preference_vector"]
    return state


def test_a_stored_taste_comes_back_bit_for_bit() -> None:
    taste = learn(learn(Taste.newcomer(), RAIN, 5), FIRE, 2)
    vector = tuple(taste.preference_vector)
    assert taste_of(presence(vector, stored(taste))) == taste  # type: ignore[arg-type]


def test_a_taste_known_by_its_direction_alone_still_has_a_say() -> None:
    assert taste_of(presence(SEA)) == Taste.from_preference(SEA)
    assert taste_of(presence((0.0,) * 5)) == Taste.newcomer()


def test_pending_votes_are_folded_in_their_order() -> None:
    votes = (PendingVote(FIRE, 1), PendingVote(SEA, 4))
    expected = learn(learn(Taste.from_preference(RAIN), FIRE, 1), SEA, 4)
    assert taste_of(presence(votes=votes)) == expected


@pytest.mark.parametrize(
    "state",
    [{"mean": [1.0]}, {"mean": [math.nan] * 6, "precision": [1.0] * 36}, {"mean": "x", "precision": None}, {"v": 9}],
    ids=repr,
)
def test_a_taste_that_is_torn_counts_as_a_newcomers(state: dict[str, Any]) -> None:
    assert taste_of(presence(state=state)) == Taste.newcomer()


@pytest.mark.parametrize("vector", [(1.0,) * 4, (1.0,) * 6, (math.nan,) * 5, (math.inf, 0, 0, 0, 0)], ids=repr)
def test_a_vector_that_is_none_counts_as_a_newcomers(vector: Any) -> None:
    assert taste_of(presence(vector)) == Taste.newcomer()


def test_a_torn_vote_counts_as_none() -> None:
    votes = (PendingVote((math.nan,) * 5, 5), PendingVote((1.0,), 5), PendingVote(FIRE, 5))  # type: ignore[arg-type]
    assert taste_of(presence(votes=votes)) == learn(Taste.from_preference(RAIN), FIRE, 5)


def test_presence_fades_at_the_end_of_a_stay() -> None:
    weights = [person.weight for person in present_people([presence(left_s=left) for left in (3600, 300, 0)])]
    assert weights == [1.0, 0.5, 0.0]
