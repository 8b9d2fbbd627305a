from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixer.pcm import (
    HEADER_BYTES,
    MAGIC,
    SUM_BYTES,
    PcmError,
    PcmInfo,
    PcmWithoutSums,
    check_samples,
    open_pcm,
    read_info,
    sample_blocks,
    scale_for_peak,
    write_pcm,
)
from mixer.scene import Loop


def info(frames: int = 1000, channels: int = 2, **fields: object) -> PcmInfo:
    return PcmInfo(channels, frames, **({"scale": 1e-4, "loudness_lufs": -18.5, "true_peak_dbtp": -0.3} | fields))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "song.pcm"


@pytest.mark.parametrize("loop", [None, Loop(), Loop(10, 900, 0.002, "linear")])
def test_the_header_comes_back_as_it_was_written(path: Path, loop: Loop | None) -> None:
    written = write_pcm(path, [np.zeros((2, 1000), np.float32)], info(loop=loop))
    assert open_pcm(path).info == read_info(path) == written
    assert replace(written, sums=()) == info(loop=loop)
    assert path.stat().st_size == HEADER_BYTES + 2 * 1000 * 2


@given(st.integers(1, 2), st.lists(st.integers(0, 500), min_size=1, max_size=5).filter(any), st.floats(1e-6, 30))
def test_samples_come_back_within_half_a_step(
    tmp_path_factory: pytest.TempPathFactory, channels: int, cuts: list[int], peak: float
) -> None:
    path = tmp_path_factory.mktemp("pcm") / "song.pcm"
    rng = np.random.default_rng(1)
    blocks = [rng.uniform(-peak, peak, (channels, cut)).astype(np.float32) for cut in cuts]
    scale = scale_for_peak(peak)
    write_pcm(path, blocks, info(sum(cuts), channels, scale=scale))
    pcm = open_pcm(path)
    back = np.concatenate(list(sample_blocks(pcm, 77)), axis=1)
    assert pcm.samples.shape == (channels, sum(cuts))
    assert np.abs(back - np.concatenate(blocks, axis=1)).max() <= scale / 2 + 2 * np.spacing(np.float32(peak))
    assert np.abs(pcm.samples).max() <= round(32767 * 10 ** (-1 / 20))


def test_an_offset_is_taken_off(path: Path) -> None:
    write_pcm(path, [np.full((2, 10), 0.25, np.float32)], info(10), offset=(0.25, 0.05))
    assert open_pcm(path).samples[:, 0].tolist() == [0, 2000]


def test_samples_begin_on_a_page(path: Path) -> None:
    write_pcm(path, [np.zeros((2, 1000), np.float32)], info())
    assert open_pcm(path).samples.ctypes.data % 4096 == 0
    assert not open_pcm(path).samples.flags.writeable


@pytest.mark.parametrize("change", [-1, 1, -3000])
def test_a_file_of_another_size_is_refused(path: Path, change: int) -> None:
    write_pcm(path, [np.zeros((2, 1000), np.float32)], info())
    os.truncate(path, path.stat().st_size + change)
    with pytest.raises(PcmError, match="its header says 8096; prepare it again"):
        open_pcm(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF" * 2000,
        MAGIC,
        MAGIC.ljust(5000, b"\0"),
        (MAGIC + b"[]").ljust(5000, b"\0"),
        (MAGIC + b'{"version": 1, "rate": 48000}').ljust(5000, b"\0"),
        (MAGIC + b'{"version": 1, "rate": 48000, "channels": 9, "frames": 1, "scale": 1, "loudness_lufs": 0,'
         b' "true_peak_dbtp": 0, "loop": null}').ljust(5000, b"\0"),
    ],
)  # fmt: skip
def test_what_is_no_cache_file_is_refused_in_one_line(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(PcmError, match=r"song\.pcm: .*again") as refusal:
        open_pcm(path)
    assert "\n" not in str(refusal.value)


def test_another_version_is_refused(path: Path) -> None:
    path.write_bytes((MAGIC + b'{"version": 2, "rate": 48000}').ljust(HEADER_BYTES, b"\0"))
    with pytest.raises(PcmError, match="another version"):
        open_pcm(path)


def test_a_missing_file_says_so(path: Path) -> None:
    with pytest.raises(PcmError, match="No such file"):
        open_pcm(path)


@pytest.mark.parametrize("frames", [0, 999, 1001])
def test_blocks_that_do_not_add_up_leave_nothing_behind(path: Path, frames: int) -> None:
    with pytest.raises(PcmError, match="1000 were announced"):
        write_pcm(path, [np.zeros((2, frames), np.float32)], info())
    assert list(path.parent.iterdir()) == []


def test_a_file_is_replaced_whole(path: Path) -> None:
    write_pcm(path, [np.zeros((2, 1000), np.float32)], info())
    before = open_pcm(path)
    write_pcm(path, [np.full((2, 500), 0.1, np.float32)], info(500))
    assert not before.samples.any(), "who plays the old file goes on playing the old file"
    assert open_pcm(path).frames == 500


@pytest.fixture
def noise(path: Path) -> Path:
    blocks = [np.random.default_rng(n).uniform(-1, 1, (2, 70_000)).astype(np.float32) for n in range(9)]
    write_pcm(path, blocks, info(9 * 70_000, scale=scale_for_peak(1.0)))
    return path


def flip(path: Path, place: int, bit: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1 << bit
    path.write_bytes(raw)


def of_version_1(path: Path) -> None:
    """As the versions before this one wrote it."""
    fields = {"version": 1, "rate": 48_000, **asdict(read_info(path))}
    del fields["sums"]
    header = (MAGIC + json.dumps(fields).encode() + b"\n").ljust(HEADER_BYTES, b"\0")
    path.write_bytes(header + path.read_bytes()[HEADER_BYTES:])


def test_samples_that_are_as_they_were_written_pass_a_little_at_a_time(noise: Path) -> None:
    assert len(list(check_samples(noise))) == 2 * 2, "two channels of more than a block each"


@given(place=st.integers(0, 2 * 9 * 70_000 * 2 - 1), bit=st.integers(0, 7))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_flipped_bit_of_the_samples_is_found(noise: Path, place: int, bit: int) -> None:
    flip(noise, HEADER_BYTES + place, bit)
    try:
        with pytest.raises(PcmError, match="not those that were written"):
            list(check_samples(noise))
        open_pcm(noise)
    finally:
        flip(noise, HEADER_BYTES + place, bit)


@given(place=st.integers(0, HEADER_BYTES - 1), bit=st.integers(0, 7))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_flipped_bit_of_the_header_is_found_as_it_is_opened(noise: Path, place: int, bit: int) -> None:
    """A scale of 0.9 instead of 0.1 would be loud."""
    flip(noise, place, bit)
    try:
        with pytest.raises(PcmError, match="again"):
            open_pcm(noise)
    finally:
        flip(noise, place, bit)


def test_a_sum_that_was_wiped_out_is_not_taken_for_an_old_file(noise: Path) -> None:
    raw = bytearray(noise.read_bytes())
    raw[HEADER_BYTES - SUM_BYTES : HEADER_BYTES] = bytes(SUM_BYTES)
    noise.write_bytes(raw)
    with pytest.raises(PcmError, match="another version"):
        open_pcm(noise)


def test_a_file_of_an_earlier_version_plays_and_says_that_it_cannot_be_checked(noise: Path) -> None:
    before = open_pcm(noise)
    of_version_1(noise)
    assert (open_pcm(noise).samples == before.samples).all()
    assert read_info(noise) == replace(before.info, sums=())
    with pytest.raises(PcmWithoutSums, match="prepare it again"):
        list(check_samples(noise))


def test_a_file_that_is_gone_or_cut_while_it_is_checked_says_so(noise: Path) -> None:
    steps = check_samples(noise)
    next(steps)
    os.truncate(noise, HEADER_BYTES + 100)
    with pytest.raises(PcmError, match="cut short"):
        list(steps)
    noise.unlink()
    with pytest.raises(FileNotFoundError):
        next(check_samples(noise))
