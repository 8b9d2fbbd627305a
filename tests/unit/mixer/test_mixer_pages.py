from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer.pages import Pages, spans
from mixer.pcm import PcmInfo, open_pcm, write_pcm

FRAMES = 300_000


def resident_kb(start: int) -> int:
    """What the kernel says is mapped of the file mapped around an address."""
    lines = Path("/proc/self/smaps").read_text().splitlines()
    for number, line in enumerate(lines):
        head = line.split()[0]
        low, dash, high = head.partition("-")
        if dash and not head.endswith(":") and int(low, 16) <= start < int(high, 16):
            return next(int(entry.split()[1]) for entry in lines[number:] if entry.startswith("Rss:"))
    raise AssertionError("no such mapping")


@pytest.fixture
def mapped(tmp_path: Path) -> np.ndarray:
    noise = np.random.default_rng(1).uniform(-1, 1, (2, FRAMES)).astype(np.float32)
    write_pcm(tmp_path / "song.pcm", [noise], PcmInfo(2, FRAMES, 1 / 32768, -20.0, 0.0))
    return open_pcm(tmp_path / "song.pcm").samples


def test_pages_come_and_go(mapped: np.ndarray) -> None:
    pages, address = Pages(), mapped.ctypes.data
    pages.forget(mapped, 0, FRAMES)
    assert resident_kb(address) <= 16
    pages.fetch(mapped, 0, FRAMES)
    assert resident_kb(address) >= 2 * FRAMES * 2 // 1024
    before = mapped.copy()
    pages.forget(mapped, 0, FRAMES)
    assert resident_kb(address) <= 16
    assert np.array_equal(before, mapped)


@given(st.integers(-1000, 2000), st.integers(-10, 3000))
def test_spans_are_pages_that_hold_the_frames_and_no_more(frame: int, frames: int) -> None:
    samples = np.zeros((2, 1500), np.int16)
    first, last = max(0, frame), min(1500, frame + frames)
    found = spans(samples, frame, frames)
    assert len(found) == (2 if last > first else 0)
    for channel, (start, size) in enumerate(found):
        assert start % mmap.PAGESIZE == 0
        assert start <= samples[channel, first:].ctypes.data < start + mmap.PAGESIZE
        assert start + size == samples[channel].ctypes.data + last * 2
