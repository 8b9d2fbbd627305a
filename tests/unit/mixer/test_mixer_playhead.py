from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer.playhead import Playhead, looped, once
from mixer.scene import Law, Loop

SR = 48_000


def counting(frames: int, channels: int = 1) -> np.ndarray:
    return (np.arange(channels * frames, dtype=np.int64).reshape(channels, frames) % 20_011).astype(np.int16)


def walked(samples: np.ndarray, start: int, end: int, seam: int, law: Law, frames: int) -> np.ndarray:
    """The loop as its definition says, frame by frame."""
    out, position = [], 0
    for _ in range(frames):
        into_seam = position - (end - seam)
        if into_seam < 0:
            out.append(float(samples[0, position]))
        else:
            x = into_seam / seam
            rise, stay = (x, 1 - x) if law == "linear" else (math.sin(x * math.pi / 2), math.cos(x * math.pi / 2))
            out.append(samples[0, position] * stay + samples[0, start + into_seam] * rise)
        position = position + 1 if position + 1 < end else start + seam
    return np.array(out)


def read(head: Playhead, frames: int, piece: int) -> np.ndarray:
    out = np.full((head.source.samples.shape[0], frames), np.nan, np.float32)
    for at in range(0, frames, piece):
        head.read(out[:, at : at + piece])
    return out


@pytest.mark.parametrize("law", ["equal_power", "linear"])
@pytest.mark.parametrize("piece", [1, 777, 4096])
def test_a_loop_is_exact_to_the_sample(law: Law, piece: int) -> None:
    samples = counting(9_000)
    source = looped(samples, Loop(500, 8_000, 1_000 / SR, law))
    out = read(Playhead(source), 30_000 if piece > 1 else 9_000, piece)
    exact = walked(samples, 500, 8_000, 1_000, law, out.shape[1])
    assert np.abs(out[0] - exact).max() < 0.01  # of 20,011 steps: −126 dB


def test_without_a_seam_the_loop_turns_on_the_frame() -> None:
    samples = counting(5_000)
    out = read(Playhead(looped(samples, Loop(0, None, 0.0))), 20_000, 4096)
    assert np.array_equal(out[0], np.tile(samples[0], 4).astype(np.float32))


def test_the_seam_of_unrelated_sounds_keeps_its_level() -> None:
    noise = np.random.default_rng(5).normal(0, 5_000, 4 * SR).astype(np.int16)[None]
    out = read(Playhead(looped(noise, Loop(xfade_s=1.0))), 3 * SR + SR, 4096)[0]
    seam = np.sqrt(np.square(out[3 * SR :]).mean())
    assert abs(20 * math.log10(seam / np.sqrt(np.square(noise.astype(float)).mean()))) < 0.1


def test_a_file_shorter_than_two_seams_gets_a_shorter_one() -> None:
    source = looped(counting(SR), Loop(xfade_s=1.0))
    assert source.seam is not None
    assert source.seam.frames == SR // 2
    assert source.entry == SR // 2


@pytest.mark.parametrize("loop", [Loop(5_000, 4_000), Loop(-1), Loop(0, 10), Loop(900_000), Loop(0, 0, -3.0)])
def test_loop_points_that_make_no_sense_mean_the_whole_file(loop: Loop) -> None:
    source = looped(counting(8_000), loop)
    assert source.end == 8_000
    assert 0 <= source.entry < source.end


@given(st.integers(1, 3_000), st.integers(0, 9_000), st.integers(1, 5_000), st.booleans())
def test_any_file_can_be_read_from_anywhere(length: int, start: int, piece: int, loops: bool) -> None:
    samples = counting(length, 2)
    head = Playhead(looped(samples, None) if loops else once(samples), start)
    out = read(head, 6_000, piece)
    assert np.isfinite(out).all()
    assert 0 <= head.position <= length
    assert head.ended is (not loops and start + 6_000 >= length)


@given(st.integers(0, 40_000))
def test_skipping_is_reading_unheard(frames: int) -> None:
    source = looped(counting(7_000), Loop(100, 6_500, 0.02))
    skipped, heard = Playhead(source), Playhead(source)
    skipped.skip(frames)
    heard.read(np.empty((1, frames), np.float32))
    assert skipped.position == heard.position


def test_once_is_silent_after_its_end() -> None:
    out = read(Playhead(once(counting(1_000) + 1)), 1_500, 400)
    assert out[0, 999] == 1_000
    assert not out[0, 1_000:].any()


@pytest.mark.parametrize("delay", [0, 700])
def test_gone_back_it_reads_the_same_again(delay: int) -> None:
    head = Playhead(looped(counting(5000), Loop(xfade_s=0.01)), delay=delay)
    for _ in range(20):
        mark = head.mark()
        first = read(head, 1500, 500)
        head.go_back(mark)
        assert np.allclose(read(head, 1500, 300), first)


def test_it_knows_where_it_was_before_it_turned_round() -> None:
    head = Playhead(looped(counting(5000), Loop(xfade_s=0)), 100)
    assert head.before(300) == -200, "not begun"
    places = []
    for _ in range(40):
        places.append(head.position)
        head.skip(400)
        assert head.before(400) == places[-1]
