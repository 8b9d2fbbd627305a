"""Copies for speakers nobody measured: their own phases, the same colour, no combs between them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from mixer_sounds import SR, MakePcm, layer

from mixer.bus import SLAB
from mixer.offline_engine import OfflineEngine
from mixer.scene import Scene
from mixer.space import Room
from mixer.upmix import SPREAD_S, Upmix

SECONDS = 12


def third_octaves(low: float = 200, high: float = 12_000) -> list[tuple[float, float]]:
    return [(f / 2 ** (1 / 6), f * 2 ** (1 / 6)) for f in low * 2 ** (np.arange(0, np.log2(high / low) * 3) / 3)]


@pytest.fixture(scope="module")
def spread() -> dict[int, np.ndarray]:
    """The same noise on both sides, as (outputs, frames): mono is where combs are worst."""
    noise = np.random.default_rng(3).normal(0, 0.1, SECONDS * SR).astype(np.float32)
    made = {}
    for outputs in (4, 6, 8):
        upmix, slabs = Upmix(outputs, SLAB), []
        for start in range(0, len(noise) - SLAB, SLAB):
            out = np.zeros((outputs, SLAB), np.float32)
            upmix.process(np.tile(noise[start : start + SLAB], (2, 1)), out)
            slabs.append(out)
        made[outputs] = np.concatenate(slabs, axis=1)[:, SLAB:]
    return made


def band_power(sound: np.ndarray) -> np.ndarray:
    spectrum = np.abs(np.fft.rfft(sound)) ** 2
    hz = np.fft.rfftfreq(sound.shape[-1], 1 / SR)
    return np.array([spectrum[..., (hz >= low) & (hz < high)].sum(axis=-1) for low, high in third_octaves()])


@pytest.mark.parametrize("outputs", [4, 6, 8])
def test_power_is_kept_and_every_copy_has_the_colour_of_the_original(
    spread: dict[int, np.ndarray], outputs: int
) -> None:
    sound = spread[outputs]
    assert np.square(sound).mean(axis=1).sum() == pytest.approx(2 * 0.01, rel=0.05)
    colour = 10 * np.log10(band_power(sound) / band_power(sound[0])[:, None])
    assert np.abs(colour).max() < 1.0, "an all-pass leaves every third of an octave as it was"


@pytest.mark.parametrize("outputs", [4, 6, 8])
def test_copies_are_strangers_to_each_other(spread: dict[int, np.ndarray], outputs: int) -> None:
    sound = spread[outputs]
    different = [pair for pair in combinations(range(outputs), 2) if pair != (0, 1)]
    assert max(abs(np.corrcoef(sound[a], sound[b])[0, 1]) for a, b in different) < 0.2


@pytest.mark.parametrize("outputs", [4, 6, 8])
def test_summed_they_do_not_comb(spread: dict[int, np.ndarray], outputs: int) -> None:
    """Where all are equally near, every third of an octave is within 3 dB of adding by power; the same copies
    late by a few ms, as plain delays would be, are not."""
    sound = spread[outputs]
    expected = band_power(sound).sum(axis=1) + 2 * band_power(sound[0])  # the front pair plays mono: it adds by wave
    summed = 10 * np.log10(band_power(sound.sum(axis=0)) / expected)
    assert np.abs(summed).max() < 3.0
    delayed = sum(np.roll(sound[0], 48 * k) for k in range(outputs))
    combed = 10 * np.log10(band_power(delayed) / band_power(sound[0]) / outputs)
    assert np.abs(combed).max() > 3.0


def test_a_click_stays_a_click() -> None:
    upmix, out = Upmix(8, SLAB), np.zeros((8, SLAB), np.float32)
    click = np.zeros((2, SLAB), np.float32)
    click[:, 0] = 1
    upmix.process(click, out)
    energy = np.square(out).cumsum(axis=1)
    late = np.argmax(energy > 0.95 * 2 / 8, axis=1) / SR
    assert (late < 2 * SPREAD_S).all()


def test_the_engine_spreads_when_the_room_says_so(make_pcm: MakePcm) -> None:
    noise = np.random.default_rng(4).normal(0, 0.1, (2, 2 * SR)).astype(np.float32)
    powers = {}
    for spread_out in (False, True):
        engine = OfflineEngine(channels=6, room=Room(spread=spread_out))
        engine.apply(Scene((layer(make_pcm("noise", noise), fade_s=0),)))
        powers[spread_out] = np.square(engine.render(2 * SR)[SR:]).mean(axis=0)
    assert (powers[True] > 0.5 * powers[True].max()).all(), "from everywhere"
    assert (powers[False] < 0.01 * powers[False].max()).any(), "on a ring it stands in front"
    assert powers[True].sum() == pytest.approx(powers[False].sum(), rel=0.1)
