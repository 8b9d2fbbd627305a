from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer.dynamics import CEILING_DB, LOOKAHEAD, Limiter

SLAB = 4096
CEILING = 10 ** (CEILING_DB / 20)


def limited(signal: np.ndarray) -> np.ndarray:
    """The signal (channels, n) through a limiter, without its delay."""
    channels, frames = signal.shape
    slabs = math.ceil((frames + LOOKAHEAD) / SLAB)
    padded = np.zeros((channels, slabs * SLAB), np.float32)
    padded[:, :frames] = signal
    out = np.empty((slabs * SLAB, channels), np.float32)
    limiter = Limiter(channels, SLAB)
    for at in range(0, slabs * SLAB, SLAB):
        limiter.inlet[:] = padded[:, at : at + SLAB]
        limiter.process()
        out[at : at + SLAB] = limiter.outlet
    return out[LOOKAHEAD : LOOKAHEAD + frames].T


def noise(seed: int, level: float, frames: int = 5 * SLAB) -> np.ndarray:
    return (np.random.default_rng(seed).uniform(-level, level, (2, frames))).astype(np.float32)


def test_what_stays_below_passes_bit_for_bit() -> None:
    quiet = noise(1, 0.5)
    assert np.array_equal(limited(quiet), quiet)


def test_a_low_tone_just_under_the_ceiling_passes_bit_for_bit() -> None:
    tone = (0.999 * CEILING * np.sin(2 * np.pi * 200 * np.arange(5 * SLAB) / 48_000)).astype(np.float32)
    assert np.array_equal(limited(np.stack([tone, tone])), np.stack([tone, tone]))


@given(st.integers(0, 1000), st.floats(0.1, 30), st.integers(1, 3))
def test_nothing_leaves_above_the_ceiling(seed: int, level: float, bursts: int) -> None:
    rng = np.random.default_rng(seed)
    signal = noise(seed, 0.3, 3 * SLAB)
    for _ in range(bursts):
        start = int(rng.integers(0, 3 * SLAB - 700))
        signal[:, start : start + int(rng.integers(1, 700))] *= level
    out = limited(signal)
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= CEILING * (1 + 1e-6)


def test_sixteen_full_scale_layers_stay_under_it() -> None:
    tone = 16 * np.sin(2 * np.pi * 1000 * np.arange(5 * SLAB) / 48_000)
    out = limited(np.stack([tone, -tone]).astype(np.float32))
    assert np.abs(out).max() <= CEILING * (1 + 1e-6)
    assert np.abs(out).max() > 0.95 * CEILING


def test_peaks_between_samples_count() -> None:
    """A quarter of the sampling rate, 45° off: samples at 0.707 of the wave's true height."""
    wave = 1.2 * np.sin(2 * np.pi * np.arange(5 * SLAB) / 4 + np.pi / 4)
    out = limited(np.stack([wave, wave]).astype(np.float32))[0, SLAB : 4 * SLAB].astype(float)
    spectrum = np.zeros(len(out) * 8 // 2 + 1, complex)
    spectrum[: len(out) // 2 + 1] = np.fft.rfft(out * np.hanning(len(out)))
    true_peak = np.abs(np.fft.irfft(spectrum)).max() * 8
    assert np.abs(out).max() < 0.75 * CEILING
    assert true_peak <= 10 ** (-1 / 20)


def test_it_lets_go_again() -> None:
    signal = noise(3, 0.4, 40 * SLAB)
    signal[:, 2 * SLAB] = 3.0
    out = limited(signal)
    assert np.array_equal(out[:, 30 * SLAB :], signal[:, 30 * SLAB :])
    gain = out[0, 2 * SLAB + 1 : 30 * SLAB] / signal[0, 2 * SLAB + 1 : 30 * SLAB]
    assert np.nanmax(np.abs(np.diff(gain))) < 0.01


def test_it_counts_what_it_did() -> None:
    limiter = Limiter(1, SLAB)
    limiter.inlet[:] = 1.5
    limiter.process()
    assert limiter.limited_frames == pytest.approx(SLAB, abs=LOOKAHEAD)
    assert 0.8 * CEILING / 1.5 < limiter.gain <= CEILING / 1.5  # a step overshoots between its samples


@pytest.mark.parametrize("slabs", [2, 9, 30])
def test_gone_back_it_does_the_same_again(slabs: int) -> None:
    """To a moment at which it held a peak, though it has come to rest since; and to one of rest."""
    signal = noise(4, 0.1, 60 * SLAB)
    signal[:, SLAB : 2 * SLAB] *= 20
    limiter = Limiter(2, SLAB, outlets=2)
    for at in range(0, slabs * SLAB, SLAB):
        limiter.inlet[:] = signal[:, at : at + SLAB]
        limiter.process()

    def go_on(count: int) -> list[np.ndarray]:
        outs = []
        for at in range(slabs * SLAB, (slabs + count) * SLAB, SLAB):
            limiter.inlet[:] = signal[:, at : at + SLAB]
            limiter.process()
            outs.append(limiter.outlet.copy())
        return outs

    mark, frames = limiter.mark(), limiter.limited_frames
    first, counted = go_on(25), limiter.limited_frames
    limiter.go_back(mark)
    assert limiter.limited_frames == frames
    assert np.array_equal(go_on(25), first)
    assert limiter.limited_frames == counted
