from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.pace import SAVED_MINUTES, Pace, bounded_step

likings = st.dictionaries(st.sampled_from("abc"), st.floats(0, 1), min_size=1)


@given(likings, likings, st.floats(-1, 1))
def test_no_value_moves_further_than_allowed_nor_beyond_its_goal(
    old: dict[str, float], new: dict[str, float], most: float
) -> None:
    step = bounded_step(old, new, most)
    assert step.keys() == new.keys()
    for key, value in step.items():
        start = old.get(key, new[key])
        assert abs(value - start) <= max(most, 0) + 1e-9 or value == new[key] == start
        assert min(start, new[key]) - 1e-12 <= value <= max(start, new[key]) + 1e-12


def test_a_step_that_is_short_enough_is_taken_whole() -> None:
    assert bounded_step({"a": 0.2}, {"a": 0.3}, 0.2) == {"a": 0.3}
    assert bounded_step({"a": 0.2}, {"a": 0.2}, 0.0) == {"a": 0.2}
    assert bounded_step({"a": 0.0, "b": 0.0}, {"a": 1.0, "b": 0.5}, 0.5) == {"a": 0.5, "b": 0.25}
    assert bounded_step({}, {"a": 1.0}, 0.0) == {"a": 1.0}


@given(st.lists(st.tuples(st.floats(0, 20), st.floats(0, 1), st.booleans()), max_size=60), st.floats(0.1, 2))
@settings(max_examples=50)
def test_no_minute_holds_more_than_a_minute_and_what_was_saved(
    looks: list[tuple[float, float, bool]], per_minute: float
) -> None:
    pace, now_s, shown, moved = Pace(per_minute), 0.0, None, []
    for pause_s, wanted, tapped in looks:
        now_s += pause_s
        liking = pace.towards({"a": wanted}, now_s, tapped=tapped)["a"]
        moved.append((now_s, 0.0 if shown is None else abs(liking - shown)))
        shown = liking
    for end_s, _ in moved:
        within = sum(way for at_s, way in moved if end_s - 60 <= at_s <= end_s)
        assert within <= per_minute * (1 + SAVED_MINUTES) + 1e-9


def test_what_is_wanted_is_reached_in_the_end() -> None:
    pace = Pace(1.0)
    pace.towards({"a": 0.0}, 0.0)
    shown = [pace.towards({"a": 0.9}, float(now_s))["a"] for now_s in range(1, 60)]
    assert shown == sorted(shown)
    assert shown[0] == pytest.approx(0.25), "what a quiet room saved, less the reserve"
    assert shown[20] < 0.9
    assert shown[-1] == 0.9


def test_every_tap_of_a_busy_room_is_heard_at_once() -> None:
    """A tap every 2.5 s, each wanting the opposite of the one before, and a look each second between."""
    pace = Pace(1.0)
    shown = pace.towards({"a": 0.5}, 0.0)["a"]
    for tick in range(1, 120):
        wanted = {"a": float(tick // 5 % 2)}
        tapped = tick % 5 == 0
        after = pace.towards(wanted, tick / 2, tapped=tapped)["a"]
        if tapped:
            assert abs(after - shown) >= 1 / 30, "a decibel of the thirty that liking spans"
        shown = after


def test_small_steps_wait_until_they_are_worth_it() -> None:
    pace = Pace(0.3)
    pace.towards({"a": 0.0}, 0.0)
    shown = [pace.towards({"a": 1.0}, float(now_s))["a"] for now_s in range(1, 60)]
    assert len(set(shown)) < 10


def test_no_bound_and_a_clock_that_goes_back() -> None:
    free = Pace(0.0)
    free.towards({"a": 0.0}, 0.0)
    assert free.towards({"a": 1.0}, 0.0) == {"a": 1.0}
    bound = Pace(1.0)
    bound.towards({"a": 0.0}, 100.0)
    bound.towards({"a": 1.0}, 100.0)
    assert bound.towards({"a": 1.0}, 50.0) == {"a": 0.25}
