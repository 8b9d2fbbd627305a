from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from mixer_sounds import SR, MakePcm, layer

from mixer.desk import Desk
from mixer.pages import Pages
from mixer.read_ahead import ReadAhead
from mixer.scene import Loop, Scene


class NotedPages(Pages):
    """Advises as ever, and keeps a note."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[tuple[int, int]] = []
        self.forgotten: list[tuple[int, int]] = []

    def fetch(self, samples: npt.NDArray[np.int16], frame: int, frames: int) -> None:
        self.fetched.append((frame, frames))
        super().fetch(samples, frame, frames)

    def forget(self, samples: npt.NDArray[np.int16], frame: int, frames: int) -> None:
        self.forgotten.append((frame, frames))
        super().forget(samples, frame, frames)


@pytest.fixture
def desk() -> Desk:
    return Desk(2, -20.0)


@pytest.fixture
def pages() -> NotedPages:
    return NotedPages()


@pytest.fixture
def reader(desk: Desk, pages: NotedPages) -> ReadAhead:
    """Not started: the test looks."""
    return ReadAhead(desk.playing, pages)


def play(desk: Desk, make_pcm: MakePcm, start_s: float, kind: str = "soundscape") -> int:
    """Start a 20 s file; returns the position it is at."""
    path = make_pcm("song", np.full((2, 20 * SR), 0.1, np.float32), loop=Loop(2 * SR, 19 * SR, 1.0))
    desk.apply(Scene((layer(path, kind=kind, start_frame=round(start_s * SR)),)))
    desk.fill(np.empty((1024, 2), np.float32))
    return round(start_s * SR) + 4096


def test_in_the_middle_it_looks_straight_on(
    desk: Desk, make_pcm: MakePcm, reader: ReadAhead, pages: NotedPages
) -> None:
    position = play(desk, make_pcm, 6)
    reader.look()
    assert pages.fetched == [(position, 6 * SR)]
    assert pages.forgotten == [(position - 5 * SR, 4 * SR)]


def test_a_second_look_fetches_only_what_is_new(
    desk: Desk, make_pcm: MakePcm, reader: ReadAhead, pages: NotedPages
) -> None:
    position = play(desk, make_pcm, 6)
    reader.look()
    desk.fill(np.empty((8192, 2), np.float32))
    reader.look()
    assert pages.fetched[1] == (position + 6 * SR, 8192)


def test_near_the_end_it_looks_round_the_loop(
    desk: Desk, make_pcm: MakePcm, reader: ReadAhead, pages: NotedPages
) -> None:
    position = play(desk, make_pcm, 17)
    reader.look()
    assert pages.fetched == [(position, 19 * SR - position), (2 * SR, 6 * SR)]


def test_what_does_not_loop_has_nothing_after_its_end(
    desk: Desk, make_pcm: MakePcm, reader: ReadAhead, pages: NotedPages
) -> None:
    position = play(desk, make_pcm, 18, kind="instrumental")
    reader.look()
    assert pages.fetched == [(position, 20 * SR - position)]


def test_forgotten_pages_still_play(desk: Desk, make_pcm: MakePcm, reader: ReadAhead) -> None:
    play(desk, make_pcm, 6)
    Pages().forget(desk.playing()[0].part.source.samples, 0, 20 * SR)
    out = np.empty((SR, 2), np.float32)
    desk.fill(out)
    assert out[-1].all()
