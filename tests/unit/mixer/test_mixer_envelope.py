from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer.envelope import Envelope, Fade, fade_frames
from mixer.scene import Law

LAWS: tuple[Law, ...] = ("equal_power", "linear")


@pytest.mark.parametrize("law", LAWS)
def test_a_fade_begins_at_nothing_and_ends_exactly(law: Law) -> None:
    fade = Fade(100, 1000, law)
    assert fade.shares_at(100) == (0.0, 0.0)
    assert fade.shares_at(99) == (0.0, 0.0)
    assert fade.shares_at(1100) == (1.0, 1.0)
    assert fade.shares_at(10**9) == (1.0, 1.0)


@pytest.mark.parametrize("law", LAWS)
def test_the_curve_drawn_is_the_curve_computed(law: Law) -> None:
    fade = Fade(50, 3000, law)
    rise, fall = fade.shares(0, 4096)
    exact = np.array([fade.shares_at(frame) for frame in range(4096)])
    assert np.abs(rise - exact[:, 0]).max() < 3e-7
    assert np.abs(fall - exact[:, 1]).max() < 3e-7
    assert fall[-1] == rise[-1] == 1.0


@pytest.mark.parametrize("law", LAWS)
@given(st.integers(1, 200_000), st.floats(0, 1), st.integers(1, 5_000))
def test_a_crossing_is_the_same_curve_from_any_frame_of_the_fade(
    law: Law, length: int, part: float, frames: int
) -> None:
    fade = Fade(70, length, law)
    first = 70 + min(length - 1, int(part * length))
    frames = min(frames, fade.end_frame - first)
    rise, rest = fade.crossing(first, frames)
    exact = np.array([fade.shares_at(frame) for frame in range(first, first + frames)])
    assert np.abs(rise - exact[:, 0]).max() < 3e-7
    assert np.abs(rest - (1 - exact[:, 1])).max() < 3e-7


def test_equal_power_keeps_the_power_of_two_that_change_places() -> None:
    fade = Fade(0, 1000)
    coming, going = Envelope((0.0,), (1.0,), fade), Envelope((1.0,), (0.0,), fade)
    for frame in range(0, 1001, 10):
        assert coming.at(frame)[0] ** 2 + going.at(frame)[0] ** 2 == pytest.approx(1, abs=1e-12)


def test_linear_keeps_the_sum_of_two_that_change_places() -> None:
    fade = Fade(0, 1000, "linear")
    coming, going = Envelope((0.0,), (1.0,), fade), Envelope((1.0,), (0.0,), fade)
    for frame in range(0, 1001, 10):
        assert coming.at(frame)[0] + going.at(frame)[0] == pytest.approx(1, abs=1e-12)


gains = st.floats(0, 4)
turns = st.lists(st.tuples(gains, st.integers(1, 5000), st.integers(0, 6000), st.sampled_from(LAWS)), max_size=8)


@given(turns)
def test_a_fade_turned_round_on_its_way_goes_on_from_where_it_is(turns: list[tuple[float, int, int, Law]]) -> None:
    envelope, frame = Envelope.steady((0.0, 1.0)), 0
    for goal, frames, later, law in turns:
        turned = envelope.toward((goal, goal / 2), Fade(frame, frames, law))
        assert turned.at(frame) == pytest.approx(envelope.at(frame), abs=1e-12)
        assert turned.at(frame + frames) == turned.end
        low = [min(pair) for pair in zip(turned.start, turned.end, strict=True)]
        high = [max(pair) for pair in zip(turned.start, turned.end, strict=True)]
        middle = turned.at(frame + frames // 2)
        assert all(a - 1e-12 <= b <= c + 1e-12 for a, b, c in zip(low, middle, high, strict=True))
        envelope, frame = turned, frame + later


def test_an_envelope_that_arrived_stays() -> None:
    envelope = Envelope((0.0,), (0.7,), Fade(0, 10))
    assert not envelope.arrived(9)
    assert envelope.arrived(10)
    assert envelope.at(11) == (0.7,)


def test_silent_means_at_rest_at_nothing() -> None:
    assert Envelope.steady((0.0, 0.0)).silent
    assert not Envelope.steady((0.0, 0.1)).silent
    assert not Envelope((1.0,), (0.0,), Fade(0, 10)).silent


def test_no_fade_is_short_enough_to_click() -> None:
    assert fade_frames(0) == 240
    assert fade_frames(8) == 384_000
    assert math.isclose(fade_frames(600), 28_800_000)
