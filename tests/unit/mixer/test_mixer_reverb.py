"""The room's answer: dense, decaying, even in all speakers, gone when it is off."""

from __future__ import annotations

import numpy as np
import pytest
from mixer_sounds import SR, MakePcm, layer

from mixer.bus import SLAB
from mixer.offline_engine import OfflineEngine
from mixer.reverb import Reverb
from mixer.scene import Scene
from mixer.space import Room


def answer(outputs: int, size: float, seconds: float, amount: float = 1.0) -> np.ndarray:
    """What a click in all outputs brings back, without the click: (outputs, frames)."""
    reverb, slabs = Reverb(outputs, SLAB, amount, size), []
    for index in range(round(seconds * SR / SLAB)):
        mix = np.zeros((outputs, SLAB), np.float32)
        mix[:, 0] = index == 0
        reverb.add_to(mix)
        mix[:, 0] -= index == 0
        slabs.append(mix)
    return np.concatenate(slabs, axis=1)


def energy_db(sound: np.ndarray) -> np.ndarray:
    """How much is still to come, in dB of the whole, at each frame (Schroeder)."""
    energy = np.square(sound, dtype=np.float64).sum(axis=0)[::-1].cumsum()[::-1]
    return 10 * np.log10(energy / energy[0] + 1e-30)


@pytest.mark.parametrize("size", [0.0, 0.5, 1.0])
def test_it_decays_as_its_size_says(size: float) -> None:
    reverb = Reverb(2, SLAB, 1.0, size)
    left = energy_db(answer(2, size, 1.5 * reverb.decay_s))
    twenty_s = (np.argmax(left < -25) - np.argmax(left < -5)) / SR
    assert 0.4 * reverb.decay_s < 3 * twenty_s < 1.1 * reverb.decay_s, "the highs go first, nothing stays longer"


def test_it_is_dense_and_does_not_ring() -> None:
    sound = answer(2, 0.5, 1.0)[0, SR // 4 : SR // 4 + 16384]
    level = np.sqrt(np.convolve(np.square(sound), np.ones(1024) / 1024, "same"))
    fourth = np.mean((sound / level)[512:-512] ** 4)
    assert fourth < 6, "many echoes look like noise (3), few like clicks"
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    smooth = np.convolve(spectrum, np.ones(64) / 64, "same")[64:4000]
    assert 10 * np.log10(smooth.max() / np.median(smooth)) < 12


@pytest.mark.parametrize("outputs", [1, 2, 4, 6, 8])
def test_every_speaker_gets_its_own_share(outputs: int) -> None:
    sound = answer(outputs, 0.5, 1.0)
    power = np.square(sound).sum(axis=1)
    assert 10 * np.log10(power.max() / power.min()) < 3
    if outputs > 1:
        assert np.abs(np.corrcoef(sound) - np.eye(outputs)).max() < 0.35


def test_the_amount_is_a_level() -> None:
    assert np.allclose(answer(2, 0.5, 0.5, 0.25), 0.25 * answer(2, 0.5, 0.5, 1.0), atol=1e-7)


def test_it_comes_to_rest() -> None:
    reverb = Reverb(2, SLAB, 1.0, 0.0)
    mix = np.ones((2, SLAB), np.float32)
    reverb.add_to(mix)
    for _ in range(60):
        mix = np.zeros((2, SLAB), np.float32)
        reverb.add_to(mix)
    assert not mix.any(), "exactly nothing, not numbers too small for fast arithmetic"


def test_a_room_that_is_off_changes_no_sample(make_pcm: MakePcm) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, (2, SR)).astype(np.float32)
    scene = Scene((layer(make_pcm("noise", noise), fade_s=0),))
    heard = []
    for room in (None, Room(), Room(reverb=0.0, reverb_size=1.0), Room(reverb=0.5)):
        engine = OfflineEngine(room=room)
        engine.apply(scene)
        heard.append(engine.render(SR))
    assert np.array_equal(heard[0], heard[1])
    assert np.array_equal(heard[0], heard[2])
    assert not np.array_equal(heard[0], heard[3])
