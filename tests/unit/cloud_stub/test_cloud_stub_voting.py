from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_stub.errors import Refused
from cloud_stub.repositories.rooms import Heard
from cloud_stub.voting import loudest, mix_embedding, newest_mix, room_in_reach, sounded, vote_value

RAIN, SEA = "rain", "sea"


@pytest.mark.parametrize("value", [1, 2, 3, 4, 5])
def test_whole_numbers_from_one_to_five_are_votes(value: int) -> None:
    assert vote_value(value) == value


@pytest.mark.parametrize("raw", [0, 6, -1, 4.5, 4.0, "5", True, False, None, float("nan"), [], {}, 10**30])
def test_anything_else_is_refused_in_one_line(raw: Any) -> None:
    with pytest.raises(Refused) as refused:
        vote_value(raw)
    assert refused.value.status == 422
    assert "\n" not in refused.value.message
    assert "1" in refused.value.message
    assert "5" in refused.value.message


def heard(at_s: float, *layers: tuple[str, float]) -> Heard:
    return Heard(at_s, None, layers)


def test_a_song_can_be_rated_for_a_minute_after_it_was_heard() -> None:
    scenes = [heard(100.0, (SEA, 1.0)), heard(90.0, (RAIN, 0.4), (SEA, 0.6))]
    assert sounded(scenes, RAIN, 150.0)
    assert not sounded(scenes, RAIN, 150.1)
    assert sounded(scenes, SEA, 160.0)
    assert not sounded(scenes, "fire", 100.0)


def test_what_was_heard_after_the_vote_or_with_no_share_does_not_count() -> None:
    assert not sounded([heard(100.0, (RAIN, 1.0))], RAIN, 99.0)
    assert not sounded([heard(100.0, (RAIN, 0.0), (SEA, 1.0))], RAIN, 110.0)


def test_the_mix_is_the_newest_scene_with_sound_in_it() -> None:
    silent, sounding, old = heard(120.0), heard(110.0, (SEA, 1.0)), heard(100.0, (RAIN, 1.0))
    assert newest_mix([silent, sounding, old], 125.0) is sounding
    assert newest_mix([silent, sounding, old], 105.0) is old
    assert newest_mix([silent], 125.0) is None


def test_the_loudest_layer_is_rated_and_ties_go_by_id() -> None:
    assert loudest(((RAIN, 0.3), (SEA, 0.7))) == SEA
    assert loudest(((SEA, 0.5), (RAIN, 0.5))) == RAIN
    assert loudest(((SEA, 0.0),)) is None
    assert loudest(()) is None


def test_a_room_is_in_reach_for_half_a_minute() -> None:
    assert room_in_reach(100.0, 130.0)
    assert not room_in_reach(100.0, 130.1)
    assert not room_in_reach(None, 0.0)


@given(shares=st.lists(st.floats(0.01, 1.0), min_size=2, max_size=2))
def test_taste_learns_from_the_mean_by_share(shares: list[float]) -> None:
    layers = ((RAIN, shares[0]), (SEA, shares[1]))
    mean = mix_embedding(layers, {RAIN: [1, 0, 0, 0, 0], SEA: [0, 1, 0, 0, 0]})
    total = sum(shares)
    assert mean == pytest.approx([shares[0] / total, shares[1] / total, 0, 0, 0])


def test_a_neutral_song_counts_as_zeros_and_silence_is_nothing() -> None:
    assert mix_embedding(((RAIN, 0.5), ("piano", 0.5)), {RAIN: [1, 0, 0, 0, 0]}) == [0.5, 0, 0, 0, 0]
    assert mix_embedding((), {}) == [0.0] * 5
