from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer.space import OUTPUT_COUNTS, pan_weights, ring_angles

pans = st.floats(-1, 1)


@given(st.sampled_from(OUTPUT_COUNTS), st.sampled_from([1, 2]), pans)
def test_every_file_channel_keeps_its_power_wherever_it_goes(outputs: int, inputs: int, pan: float) -> None:
    weights = pan_weights(outputs, inputs, pan)
    assert len(weights) == outputs
    for channel in range(inputs):
        power = sum(row[channel] ** 2 for row in weights)
        assert power == pytest.approx(1 / inputs if outputs == 1 else 1, abs=1e-9)
        assert all(row[channel] >= 0 for row in weights)


@pytest.mark.parametrize(
    ("pan", "left", "right"),
    [(0, (1, 0), (0, 1)), (1, (0, 0), (1, 1)), (-1, (1, 1), (0, 0))],
)
def test_a_stereo_file_is_whole_at_the_centre_and_gathered_at_a_side(
    pan: float, left: tuple[float, float], right: tuple[float, float]
) -> None:
    rows = pan_weights(2, 2, pan)
    assert rows[0] == pytest.approx(left, abs=1e-12)
    assert rows[1] == pytest.approx(right, abs=1e-12)


def test_a_mono_file_at_the_centre_is_equally_left_and_right() -> None:
    assert [row[0] for row in pan_weights(2, 1, 0)] == pytest.approx([0.5**0.5] * 2)


def test_a_ring_is_numbered_in_pairs_from_the_front() -> None:
    assert ring_angles(4) == (-45, 45, -135, 135)
    assert ring_angles(8) == (-22.5, 22.5, -67.5, 67.5, -112.5, 112.5, -157.5, 157.5)


def test_on_four_speakers_a_stereo_file_stands_in_front() -> None:
    rows = pan_weights(4, 2, 0)
    assert rows[0] == pytest.approx((1, 0), abs=1e-9)
    assert rows[1] == pytest.approx((0, 1), abs=1e-9)
    assert rows[2] == pytest.approx((0, 0), abs=1e-9)


@given(st.sampled_from([4, 6, 8]), pans)
def test_on_a_ring_a_point_is_between_its_two_nearest_speakers(outputs: int, pan: float) -> None:
    gains = [row[0] for row in pan_weights(outputs, 1, pan)]
    azimuth = pan * 180
    distance = [abs((angle - azimuth + 180) % 360 - 180) for angle in ring_angles(outputs)]
    assert all(gain < 1e-6 or far <= 360 / outputs + 1e-6 for gain, far in zip(gains, distance, strict=True))


@given(st.sampled_from([4, 6, 8]), st.floats(-0.99, 0.99))
def test_a_small_turn_is_a_small_change(outputs: int, pan: float) -> None:
    here, there = pan_weights(outputs, 2, pan), pan_weights(outputs, 2, pan + 0.001)
    for one, other in zip(here, there, strict=True):
        assert one == pytest.approx(other, abs=0.02)
