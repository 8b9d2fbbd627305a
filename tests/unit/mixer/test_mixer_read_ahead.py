from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from mixer_sounds import SR, MakePcm, layer

from mixer.desk import Desk
from mixer.pcm import HEADER_BYTES
from mixer.read_ahead import ReadAhead
from mixer.scene import Scene


@pytest.fixture
def advised(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    calls: list[tuple[int, int]] = []

    def note(fd: int, offset: int, size: int, advice: int) -> None:
        assert advice == os.POSIX_FADV_WILLNEED
        calls.append((offset, size))

    monkeypatch.setattr(os, "posix_fadvise", note)
    return calls


def test_four_seconds_of_each_channel_and_the_way_round(make_pcm: MakePcm, advised: list[tuple[int, int]]) -> None:
    desk = Desk(2, -20.0)
    path = make_pcm("bed", np.zeros((2, 10 * SR), np.float32))
    desk.apply(Scene((layer(path, start_frame=8 * SR),)))
    desk.fill(np.empty((1024, 2), np.float32))
    reader = ReadAhead(desk.playing)
    reader.look()
    position = 8 * SR + 4096
    left = 10 * SR - position
    plane = 10 * SR * 2
    assert advised[:4] == [
        (HEADER_BYTES + position * 2, left * 2),
        (HEADER_BYTES + plane + position * 2, left * 2),
        (HEADER_BYTES, 4 * SR * 2),
        (HEADER_BYTES + plane, 4 * SR * 2),
    ]
    reader.close()


def test_files_are_let_go_with_their_layers(make_pcm: MakePcm, advised: list[tuple[int, int]]) -> None:
    desk = Desk(2, -20.0)
    path = make_pcm("bed", np.zeros((2, SR), np.float32))
    desk.apply(Scene((layer(path),)))
    desk.fill(np.empty((1024, 2), np.float32))
    mapped = _open_files(path)
    reader = ReadAhead(desk.playing)
    reader.look()
    assert _open_files(path) == mapped + 1
    desk.apply(Scene(release_s=0))
    desk.fill(np.empty((8192, 2), np.float32))
    reader.look()
    assert _open_files(path) <= mapped
    reader.close()


def test_a_file_removed_while_it_plays_is_no_error(make_pcm: MakePcm, advised: list[tuple[int, int]]) -> None:
    desk = Desk(2, -20.0)
    path = make_pcm("bed", np.zeros((2, SR), np.float32))
    desk.apply(Scene((layer(path),)))
    Path(path).unlink()
    desk.fill(np.empty((1024, 2), np.float32))
    reader = ReadAhead(desk.playing)
    reader.look()
    assert advised == []
    reader.close()


def _open_files(path: str) -> int:
    links = (Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd"))
    return sum(link.is_symlink() and os.path.realpath(link) == path for link in links)
