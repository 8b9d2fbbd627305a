from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer.space import OUTPUT_COUNTS, Room, pan_weights, ring_angles

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


UNEVEN = (-30.0, 30.0, -110.0, 110.0)


@given(pans, st.sampled_from([1, 2]))
def test_exact_angles_keep_the_power_too(pan: float, inputs: int) -> None:
    weights = pan_weights(4, inputs, pan, Room(angles=UNEVEN))
    for channel in range(inputs):
        assert sum(row[channel] ** 2 for row in weights) == pytest.approx(1)


@pytest.mark.parametrize(("output", "azimuth"), list(enumerate(UNEVEN)))
def test_what_stands_at_a_speaker_comes_from_it_alone(output: int, azimuth: float) -> None:
    gains = [row[0] for row in pan_weights(4, 1, azimuth / 180, Room(angles=UNEVEN))]
    assert gains[output] == pytest.approx(1)


@given(st.floats(-29, 29))
def test_between_two_speakers_the_vectors_add_up_to_the_direction(azimuth: float) -> None:
    gains = [row[0] for row in pan_weights(4, 1, azimuth / 180, Room(angles=UNEVEN))]
    x = sum(gain * math.sin(math.radians(angle)) for gain, angle in zip(gains, UNEVEN, strict=True))
    y = sum(gain * math.cos(math.radians(angle)) for gain, angle in zip(gains, UNEVEN, strict=True))
    assert math.degrees(math.atan2(x, y)) == pytest.approx(azimuth, abs=1e-6)


def test_turning_the_ring_is_moving_the_layer() -> None:
    assert pan_weights(6, 1, 0.25, turned_deg=45) == pan_weights(6, 1, 0.5)


@pytest.mark.parametrize(
    ("outputs", "room", "says"),
    [
        (3, Room(), "3 output channels"),
        (4, Room(angles=(-30, 30)), "2 speaker angles for 4 outputs"),
        (4, Room(angles=(-30, 30, -110, math.nan)), "give degrees"),
        (4, Room(angles=(-30, 30, 330, 110)), "same place"),
        (2, Room(reverb=1.5), "both go from 0 to 1"),
        (2, Room(reverb_size=math.nan), "both go from 0 to 1"),
        (4, Room(rotation_dps=90), "-30|−30"),
    ],
)
def test_a_room_that_cannot_be_says_why(outputs: int, room: Room, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        room.check(outputs)
