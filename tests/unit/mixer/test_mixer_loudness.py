from __future__ import annotations

import math

import numpy as np
import pytest

from mixer.loudness import LoudnessMeter

SR = 48_000


def sine(hz: float, seconds: float, dbfs: float = 0.0, channels: int = 1) -> np.ndarray:
    wave = 10 ** (dbfs / 20) * np.sin(2 * np.pi * hz * np.arange(round(seconds * SR)) / SR)
    return np.tile(wave.astype(np.float32), (channels, 1))


def lufs(*pieces: np.ndarray, block: int = 10_000) -> float:
    signal = np.concatenate(pieces, axis=1)
    meter = LoudnessMeter(len(signal))
    for at in range(0, signal.shape[1], block):
        meter.feed(signal[:, at : at + block])
    return meter.integrated_lufs()


def test_a_full_scale_sine_of_997_hz_is_minus_3_01() -> None:
    assert lufs(sine(997, 5)) == pytest.approx(-3.01, abs=0.02)


def test_two_channels_are_three_more() -> None:
    assert lufs(sine(997, 5, channels=2)) == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("block", [1, 480, 52_800, 10**6])
def test_the_size_of_a_block_changes_nothing(block: int) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, (2, 2_000 if block == 1 else 150_000)).astype(np.float32)
    assert lufs(noise, block=block) == pytest.approx(lufs(noise, block=7_777), abs=1e-9)


@pytest.mark.parametrize(
    "levels",
    [
        [(-36, 10), (-23, 60), (-36, 10)],  # the cases of EBU Tech 3341 for stereo programmes, all −23 LUFS
        [(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)],
        [(-26, 20), (-20, 20.1), (-26, 20)],
    ],
)
def test_the_gates(levels: list[tuple[float, float]]) -> None:
    pieces = [sine(1000, seconds, dbfs, channels=2) for dbfs, seconds in levels]
    assert lufs(*pieces) == pytest.approx(-23.0, abs=0.1)


def filtered(signal: np.ndarray, b: tuple[float, float, float], a: tuple[float, float, float]) -> np.ndarray:
    """A biquad, frame by frame, as the standard draws it."""
    out, x1, x2, y1, y2 = [], 0.0, 0.0, 0.0, 0.0
    for x in signal.tolist():
        y = b[0] * x + b[1] * x1 + b[2] * x2 - a[1] * y1 - a[2] * y2
        x1, x2, y1, y2 = x, x1, y, y1
        out.append(y)
    return np.array(out)


def test_the_weighting_is_the_two_filters_of_the_standard() -> None:
    noise = np.random.default_rng(4).normal(0, 0.1, 24_000).astype(np.float32)
    shelf = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
    low_cut = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))
    squares = np.square(filtered(filtered(noise, *shelf), *low_cut))
    exact = [squares[at : at + 19_200].mean() for at in (0, 4_800)]
    assert lufs(noise[None]) == pytest.approx(-0.691 + 10 * math.log10(np.mean(exact)), abs=1e-6)


def test_silence_has_no_loudness() -> None:
    assert lufs(np.zeros((2, SR), np.float32)) == -math.inf
    assert lufs(sine(997, 3, -80)) == -math.inf
    assert LoudnessMeter(2).integrated_lufs() == -math.inf


def test_a_sound_shorter_than_one_block_is_measured_whole() -> None:
    assert lufs(sine(997, 0.25)) == pytest.approx(-3.01, abs=0.3)
