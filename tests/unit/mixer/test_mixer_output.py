"""A device that goes, comes back, hangs or never was: the blocks go on being taken."""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from mixer_sounds import SR, layer

from mixer.bus_engine import BusEngine
from mixer.engine import EngineError
from mixer.fifo import Fifo
from mixer.null_clock import next_due
from mixer.output import LONGEST_PATIENCE_S, NO_DEVICE, STALLED_S, Output
from mixer.scene import Scene
from mixer.sdl import SdlError
from tests.patience import until


class FakeDevice:
    def __init__(self, card: FakeCard) -> None:
        self.card = card
        self.started = self.closed = self.gone = False

    def start(self) -> None:
        self.started = True

    def lives(self) -> bool:
        return not self.gone

    def close(self) -> None:
        self.closed = True
        if self.card.hangs:
            self.card.let_go.wait(5)


class FakeCard:
    """A sound card that can be pulled out."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.refuses = self.hangs = False
        self.let_go = threading.Event()
        self.opened: list[FakeDevice] = []

    def device_names(self) -> list[str]:
        return self.names

    def open(self, name: str, channels: int, block: int, fifo: Fifo) -> FakeDevice:
        if self.refuses:
            raise SdlError("busy")
        self.opened.append(FakeDevice(self))
        return self.opened[-1]


class Counter:
    """Puts silence into a fifo whenever there is room, and counts."""

    def __init__(self) -> None:
        self.frames = 0
        self.newcomers: list[bool] = []
        self.fifo = Fifo(512 * 8, 512 * 8)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def newcomer(self, back: bool) -> None:
        self.newcomers.append(back)

    def close(self) -> None:
        self.fifo.close()
        self._thread.join()

    def _run(self) -> None:
        with suppress(OSError):  # closed meanwhile
            while self.fifo.wait():
                if self.fifo.has_room:
                    self.fifo.put(np.zeros((512, 2), np.float32))
                    self.frames += 512


@contextmanager
def playing(card: FakeCard, wanted: str | None = None) -> Iterator[tuple[Output, Counter]]:
    with closing(Counter()) as counter:
        output = Output(card, wanted, 2, 512, counter.fifo, frames=lambda: counter.frames, newcomer=counter.newcomer)
        try:
            output.start()
            yield output, counter
        finally:
            card.let_go.set()
            output.close()


def test_it_plays_on_the_first_device_or_the_one_by_name() -> None:
    for wanted, name in ((None, "HDMI"), ("USB", "USB")):
        with playing(FakeCard("HDMI", "USB"), wanted) as (output, _):
            assert (output.name, output.on_device) == (name, True)


def test_a_name_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(EngineError, match=r"'UBS'; there is HDMI, USB"), playing(FakeCard("HDMI", "USB"), "UBS"):
        pass


def test_pulled_out_it_goes_on_in_time_and_comes_back() -> None:
    card = FakeCard("USB")
    with playing(card) as (output, counter):
        until(lambda: counter.frames == 512)
        card.opened[0].gone = True
        card.names = []
        output.look(10.0)
        assert (output.name, output.lost, card.opened[0].closed) == (NO_DEVICE, 1, True)
        until(lambda: counter.frames > 512)
        output.look(11.5)
        assert not output.on_device
        card.names = ["USB"]
        output.look(11.6)
        assert not output.on_device, "it is patient"
        output.look(14.0)
        assert (output.name, output.reopened, card.opened[1].started) == ("USB", 1, True)
        assert counter.newcomers == [False, True]
        until(lambda: counter.fifo.waiting_bytes() > 0)
        still = counter.frames
        output.look(14.5)
        assert counter.frames == still, "only one takes"


def test_it_tries_ever_more_rarely_but_never_stops() -> None:
    card = FakeCard()
    with playing(card) as (output, _):
        asked: list[float] = []
        card.device_names = lambda: asked.append(now_s) or []  # type: ignore[method-assign]
        for half in range(400):
            now_s = half / 2
            output.look(now_s)
    gaps = np.diff(asked)
    assert (np.diff(gaps) >= 0).all()
    assert gaps[-1] == LONGEST_PATIENCE_S


def test_while_the_one_by_name_is_away_no_other_is_taken() -> None:
    card = FakeCard("HDMI", "USB")
    with playing(card, "USB") as (output, _):
        card.opened[0].gone = True
        card.names = ["HDMI"]
        for now_s in (1.0, 10.0, 20.0):
            output.look(now_s)
        assert output.name == NO_DEVICE


def test_a_device_that_is_back_but_busy_is_asked_again() -> None:
    card = FakeCard("USB")
    with playing(card) as (output, counter):
        card.opened[0].gone = card.refuses = True
        output.look(1.0)
        output.look(10.0)
        before = counter.frames
        until(lambda: counter.frames > before)
        card.refuses = False
        output.look(30.0)
        assert output.reopened == 1


def test_a_device_that_takes_nothing_is_let_go_even_if_it_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mixer.output.CLOSING_PATIENCE_S", 0.01)
    card = FakeCard("USB")
    card.hangs = True
    with playing(card) as (output, counter):
        output.look(5.0)
        output.look(5.0 + STALLED_S - 0.1)
        assert output.on_device
        output.look(5.0 + STALLED_S)
        assert not output.on_device
        until(lambda: counter.frames > 512)


def test_being_stopped_oneself_is_not_the_devices_fault() -> None:
    with playing(FakeCard("USB")) as (output, _):
        output.look(5.0)
        output.look(60.0)
        assert output.on_device


def test_without_any_device_it_waits_for_one() -> None:
    card = FakeCard()
    with playing(card) as (output, counter):
        until(lambda: counter.frames > 0)
        card.names = ["USB"]
        output.look(5.0)
        assert (output.on_device, output.lost, output.reopened) == (True, 0, 1)


def test_a_clock_makes_up_for_late_blocks_but_not_for_an_absence() -> None:
    assert next_due(10.0, 10.3, 0.02) == pytest.approx(10.02)
    assert next_due(10.0, 99.0, 0.02) == pytest.approx(99.02)


def test_an_engine_refused_by_its_device_says_so() -> None:
    card = FakeCard("USB")
    card.refuses = True
    with pytest.raises(EngineError, match="'USB' cannot be opened: busy"):
        BusEngine(audio=card)


def test_a_disk_that_is_full_is_a_device_that_goes_away(
    steady: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SDL's own loss of a device: its disk driver cannot write any more, and then it can again."""
    monkeypatch.setattr("mixer.output.FIRST_PATIENCE_S", 0.05)
    monkeypatch.setattr("mixer.bus_engine.LOOK_EVERY_S", 0.05)
    monkeypatch.setenv("SDL_AUDIODRIVER", "disk")
    monkeypatch.setenv("SDL_DISKAUDIOFILE", str(tmp_path / "sdl.raw"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    engine = BusEngine()
    try:
        engine.apply(Scene((layer(steady, fade_s=0.005),)))
        resource.setrlimit(resource.RLIMIT_FSIZE, (engine.status().frames * 8 + 20_000, hard))
        until(lambda: engine.status().devices_lost >= 1)
        lost_at = engine.status()
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        until(lambda: engine.status().on_device and engine.status().frames > lost_at.frames + SR // 4)
        back = engine.status()
        assert back.devices_reopened == back.devices_lost
        assert back.strips[0].position_frame > lost_at.strips[0].position_frame, "it went on"
        assert back.faults == 0
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        engine.close()
