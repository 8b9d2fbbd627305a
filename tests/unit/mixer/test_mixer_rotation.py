"""A ring that turns: steadily, at constant power, without a step, and not against a fade."""

from __future__ import annotations

import numpy as np
from mixer_sounds import HALF, SR, MakePcm, layer

from mixer.offline_engine import OfflineEngine
from mixer.scene import Loop, Scene
from mixer.space import Room, ring_angles


def turning(make_pcm: MakePcm, seconds: float, dps: float = 6.0, gain_db: float = 0.0) -> np.ndarray:
    path = make_pcm("steady", np.full((1, 4 * SR), HALF, np.float32), loop=Loop(law="linear"))
    engine = OfflineEngine(channels=4, room=Room(rotation_dps=dps))
    engine.apply(Scene((layer(path, fade_s=0),)))
    first = engine.render(round(seconds / 2 * SR))
    engine.apply(Scene((layer(path, fade_s=2, gain_db=gain_db),)))
    return np.concatenate((first, engine.render(round(seconds / 2 * SR))))


def direction_deg(frame: np.ndarray) -> float:
    angles = np.radians(ring_angles(4))
    return float(np.degrees(np.arctan2(frame @ np.sin(angles), frame @ np.cos(angles))))


def test_it_turns_as_fast_as_it_says_at_constant_power(make_pcm: MakePcm) -> None:
    out = turning(make_pcm, 24)
    directions = np.unwrap([direction_deg(out[second * SR]) for second in range(4, 24)], period=360)
    assert np.allclose(np.diff(directions), 6.0, atol=1.0)
    power = np.square(out[SR:]).sum(axis=1)
    assert 10 * np.log10(power.max() / power.min()) < 0.05
    assert np.abs(np.diff(out[SR:], axis=0)).max() < 1e-4


def test_a_fade_on_the_way_ends_where_the_ring_is(make_pcm: MakePcm) -> None:
    out = turning(make_pcm, 24, gain_db=-6.0206)
    assert np.abs(np.diff(out[SR:], axis=0)).max() < 1e-4
    assert np.isclose(np.sqrt(np.square(out[-1]).sum()), HALF / 2, rtol=0.01)
    directions = np.unwrap([direction_deg(out[second * SR]) for second in range(17, 24)], period=360)
    assert np.allclose(np.diff(directions), 6.0, atol=1.0)


def test_a_ring_that_stands_still_is_the_plain_one(make_pcm: MakePcm) -> None:
    assert np.array_equal(turning(make_pcm, 4, dps=0.0)[-1], turning(make_pcm, 4, dps=0.0)[2 * SR])
