"""The thread that renders, with the test as the card: what it gives, block by block."""

from __future__ import annotations

import logging
import os
import wave
from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path

import numpy as np
import pytest
from mixer_sounds import HALF, SR, MakePcm, Samples, layer

from mixer.bus import SLAB
from mixer.desk import Desk
from mixer.dynamics import LOOKAHEAD
from mixer.engine import MasterControl
from mixer.fifo import Fifo
from mixer.master import RETURN_RAMP_S
from mixer.offline_engine import OfflineEngine
from mixer.pump import PROBATION, Pump
from mixer.recorder import Recorder
from mixer.scene import Scene
from mixer.slab_clock import SlabClock
from tests.patience import until

BLOCK = 1024
RAMP = round(0.020 * SR)


class Card:
    """Takes blocks when it is told to; the pump behind it runs in its own thread."""

    def __init__(self, desk: Desk, recorder: Recorder | None = None) -> None:
        self.desk = desk
        self.fifo = Fifo(SLAB * 8, BLOCK * 8)
        self.pump = Pump(desk, self.fifo, SlabClock(SLAB, BLOCK), recorder)
        self.pump.start()

    def take(self, blocks: int) -> Samples:
        data = b"".join(os.read(self.fifo.outlet, BLOCK * 8) for _ in range(blocks))
        return np.frombuffer(data, np.float32).reshape(-1, 2)

    def turn(self, order: MasterControl | Callable[[], None]) -> None:
        """Give an order while a slab is on its way, and wait until the pump has seen it."""
        until(lambda: self.pump.waiting_frames() > 0)
        seen, put = [], self.fifo.put
        self.fifo.put = lambda samples: (put(samples), seen.append(len(samples)))  # type: ignore[method-assign]
        if isinstance(order, MasterControl):
            self.desk.control(order)
            self.fifo.ring()
        else:
            order()
        until(lambda: bool(seen))
        self.fifo.put = put  # type: ignore[method-assign]


def assert_recorded(path: Path, taken: Samples) -> None:
    with wave.open(str(path)) as file:
        recorded = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert np.array_equal(recorded, np.rint(taken * 32767).astype(np.int16))


@pytest.fixture
def play(steady: str) -> Iterator[Callable[..., Card]]:
    cards: list[Card] = []

    def begin(recorder: Recorder | None = None) -> Card:
        desk = Desk(2, -20.0)
        desk.apply(Scene((layer(steady, fade_s=0),)))
        cards.append(Card(desk, recorder))
        return cards[-1]

    yield begin
    for card in cards:
        card.pump.close()


def test_a_card_gets_what_the_offline_engine_renders(play: Callable[..., Card], steady: str) -> None:
    engine = OfflineEngine()
    engine.apply(Scene((layer(steady, fade_s=0),)))
    assert np.array_equal(play().take(11), engine.render(11 * BLOCK))


@pytest.mark.parametrize("taken", [1, 2, 3])
def test_the_master_moves_at_the_next_block_though_a_slab_is_on_its_way(play: Callable[..., Card], taken: int) -> None:
    card = play()
    card.take(8 + taken)
    card.turn(MasterControl(mute=True))
    out = card.take(4)[:, 0]
    ramp = HALF * (1 - np.arange(RAMP) / RAMP)
    assert np.abs(out[:RAMP] - ramp).max() < 1e-6
    assert not out[RAMP:].any()


def test_turned_round_on_its_way_it_makes_no_step(play: Callable[..., Card]) -> None:
    card = play()
    card.take(9)
    card.turn(MasterControl(mute=True))
    card.turn(MasterControl(hush=True, hush_db=-6.0))
    pieces = [card.take(1)]
    card.turn(MasterControl())
    pieces.append(card.take(1))
    card.turn(MasterControl(mute=True))
    pieces.append(card.take(6))
    out = np.concatenate(pieces)[:, 0]
    assert np.abs(np.diff(out)).max() <= HALF / RAMP * 1.01
    assert out[0] == pytest.approx(HALF, abs=HALF / RAMP)
    assert not out[-BLOCK:].any()


def test_a_scene_is_heard_from_the_next_slab_on(steady: str) -> None:
    desk = Desk(2, -20.0)
    card = Card(desk)
    card.take(5)
    until(lambda: card.pump.waiting_frames() == 3 * BLOCK)
    desk.apply(Scene((layer(steady, fade_s=0),)))
    out = card.take(8)
    card.pump.close()
    assert int(np.argmax(out.any(axis=1))) == 3 * BLOCK + LOOKAHEAD + 1, "after what is on its way, and a gain of 0"


def test_time_goes_on_by_what_was_taken(play: Callable[..., Card]) -> None:
    card = play()
    card.take(9)
    until(lambda: card.pump.played_frames() == 9 * BLOCK)  # for a moment it may seem less
    status = card.desk.status("bus", "test", BLOCK, card.pump.played_frames())
    assert status.frames == 9 * BLOCK
    assert status.strips[0].position_frame == 9 * BLOCK - LOOKAHEAD, "the limiter is that far behind"


def test_what_fails_is_silence_and_counted_once_each(
    play: Callable[..., Card], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    card = play()
    until(lambda: card.pump.waiting_frames() > 0)
    whole = card.desk.slab
    monkeypatch.setattr(card.desk, "slab", lambda: 1 // 0)
    card.take(4)
    until(lambda: card.pump.faults == 1)
    monkeypatch.setattr(card.desk, "slab", whole)
    assert not card.take(4).any()
    assert card.take(4).any(), "it goes on"
    with caplog.at_level(logging.ERROR):
        card.pump.report_fault()
        card.pump.report_fault()
    assert caplog.text.count("rendering failed (1 times") == 1


def test_the_recording_has_the_master_where_the_card_had_it(
    play: Callable[..., Card], tmp_path: Path, make_pcm: MakePcm
) -> None:
    recorder = Recorder(tmp_path / "room.wav", 2, write_every_s=3600)
    card = play(recorder)
    pieces = [card.take(6)]
    card.turn(MasterControl(mute=True))
    pieces.append(card.take(4))
    until(lambda: card.pump.waiting_frames() == 2 * BLOCK)
    card.pump.close()
    recorder.close()
    assert_recorded(tmp_path / "room.wav", np.concatenate(pieces))


@pytest.mark.parametrize("left", [1, 2, 3])
def test_orders_in_a_row_are_recorded_once(play: Callable[..., Card], tmp_path: Path, left: int) -> None:
    """However little of a slab is left, the next is made when that is taken: none is made anew that was recorded."""
    recorder = Recorder(tmp_path / "room.wav", 2, write_every_s=3600)
    card = play(recorder)
    pieces = [card.take(12 - left)]
    card.turn(MasterControl(mute=True))
    card.turn(MasterControl(hush=True))
    pieces.append(card.take(left + 4))
    until(lambda: card.pump.waiting_frames() == SLAB)
    card.pump.close()
    recorder.close()
    assert_recorded(tmp_path / "room.wav", np.concatenate(pieces))


def test_closed_it_leaves_the_card_waiting_for_nothing(play: Callable[..., Card]) -> None:
    card = play()
    card.take(1)
    card.pump.close()
    for _ in range(8):
        os.read(card.fifo.outlet, BLOCK * 8)  # returns
    assert os.read(card.fifo.outlet, BLOCK * 8) == b""


def test_to_a_card_that_is_back_the_mix_comes_up_from_silence(play: Callable[..., Card]) -> None:
    card = play()
    card.take(9)
    card.turn(lambda: card.pump.feed(tuple, from_silence=True))
    out = card.take(30)[:, 0]
    ramp = HALF * np.arange(len(out)) / round(RETURN_RAMP_S * SR)
    assert np.abs(out - np.minimum(ramp, HALF)).max() < 1e-5


@pytest.mark.parametrize(("pace", "back"), [(0.0, 0), (inf, 1)])
def test_a_card_goes_first_at_once_and_whoever_takes_blocks_faster_goes_back(
    play: Callable[..., Card], monkeypatch: pytest.MonkeyPatch, pace: float, back: int
) -> None:
    """Two seconds of sound are taken as fast as the machine can: no pace is too fast for the one, any for the other."""
    first: list[int] = []
    backs: list[None] = []
    monkeypatch.setattr("mixer.pump.CARD_PACE", pace)
    monkeypatch.setattr("mixer.pump.put_first", first.append)
    monkeypatch.setattr("mixer.pump.put_back", lambda: backs.append(None))
    card = play()
    card.pump.feed(lambda: (4711,))
    assert 4711 in first
    card.take(4 * PROBATION + 4)
    until(lambda: card.desk.frames > PROBATION * SLAB)
    assert len(backs) == back
