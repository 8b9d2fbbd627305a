"""Slabs made ahead of what is played, and made anew when an order comes: nobody can tell that they were."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixer_sounds import HALF, SR, UNIT, Samples, layer

from mixer.bus import SLAB
from mixer.desk import Desk
from mixer.engine import EngineStatus, MasterControl
from mixer.fifo import Fifo
from mixer.pcm import PcmInfo, write_pcm
from mixer.pump import Pump
from mixer.scene import Layer, Loop, Scene
from mixer.slab_clock import SlabClock
from mixer.space import Room
from tests.patience import until

BLOCK = 1024
AHEAD = 4
Order = Callable[[Desk], None]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Beds that turn round soon, one short song, and noise that the limiter has to hold."""
    folder, random = tmp_path_factory.mktemp("library"), np.random.default_rng(3)
    paths = {}
    for name, seconds, level in (("bed", 1.3, 0.05), ("other", 0.9, 0.05), ("song", 1.0, 0.05), ("loud", 0.7, 0.4)):
        samples = random.normal(0, level, (2, round(seconds * SR))).astype(np.float32)
        paths[name] = str(folder / f"{name}.pcm")
        write_pcm(paths[name], [samples], PcmInfo(2, samples.shape[1], UNIT, -20.0, -1.0, Loop(xfade_s=0.2)))
    return paths


class Listener:
    """A room: it hears each slab some time after it was made. What is not heard yet may be made anew."""

    def __init__(self, ahead: int = AHEAD, room: Room | None = None) -> None:
        self.desk = Desk(2, -20.0, room, ahead=ahead)
        self.heard: list[Samples] = []
        self._coming: list[Samples] = []

    def hear(self) -> None:
        """One slab."""
        if not self._coming:
            self._make(self.desk.slab)
            while len(self._coming) < AHEAD and self.desk.runs_on:
                self._make(self.desk.slab)
        self.heard.append(self._coming.pop(0))

    def order(self, give: Order) -> None:
        give(self.desk)
        frames = SLAB * len(self._coming)
        standing = self.desk.go_back(frames)
        again = self.desk.again(standing) if standing else np.zeros((0, 2), np.float32)
        self._coming = [again[at : at + SLAB].copy() for at in range(0, standing, SLAB)]

    def status(self) -> EngineStatus:
        return self.desk.status("test", "none", BLOCK, SLAB * len(self.heard))

    @property
    def coming(self) -> int:
        return len(self._coming)

    def _make(self, slab: Callable[[], Samples]) -> None:
        self._coming.append(slab().copy())


def scene(*layers: Layer, release_s: float = 0.3) -> Order:
    return lambda desk: desk.apply(Scene(layers, release_s))


def master(**fields: Any) -> Order:
    return lambda desk: desk.control(MasterControl(**fields))


def cue(path: str, until_s: float = inf) -> Order:
    return lambda desk: desk.cue("chime", path, 0.0, until_s)


def both(orders: dict[int, Order], slabs: int) -> tuple[Listener, Listener]:
    """A room whose slabs are made ahead, and one whose are not."""
    rooms = Listener(), Listener(ahead=1)
    for room in rooms:
        for slab in range(slabs):
            if slab in orders:
                room.order(orders[slab])
            room.hear()
    return rooms


def test_of_a_quiet_room_several_slabs_are_made_at_once(library: dict[str, str]) -> None:
    room = Listener()
    room.order(scene(layer(library["bed"], fade_s=0)))
    room.hear()
    assert room.coming == AHEAD - 1
    room.order(scene(layer(library["other"], fade_s=0.1)))
    room.hear()
    assert room.coming == 0, "a fade ends in the second"
    room.hear()
    assert room.coming == AHEAD - 1


@pytest.mark.parametrize("slab", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("name", ["bed", "loud"])
def test_an_order_is_heard_at_the_next_slab_as_if_nothing_had_been_made(
    library: dict[str, str], name: str, slab: int
) -> None:
    begin = scene(layer(library[name], fade_s=0))
    change = scene(layer(library["other"], fade_s=0.5, pan=0.3))
    ahead, one_by_one = both({0: begin, slab: change}, 24)
    assert np.array_equal(np.concatenate(ahead.heard), np.concatenate(one_by_one.heard))
    assert ahead.status().limiter_s == one_by_one.status().limiter_s
    assert ahead.status() == one_by_one.status()


def test_an_order_that_comes_just_when_a_slab_begins_is_not_taken_back_with_it(
    library: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is taken by a slab that was thought to run on; another order follows before anybody hears it."""
    begin, change = scene(layer(library["bed"], fade_s=0)), scene(layer(library["other"], fade_s=0.5))
    room = Listener()
    room.order(begin)
    room.hear()
    mark = room.desk._mark
    monkeypatch.setattr(room.desk, "_mark", lambda: (mark(), change(room.desk))[0])
    for _ in range(AHEAD):
        room.hear()
    monkeypatch.setattr(room.desk, "_mark", mark)
    frame, standing = room.desk.frames, SLAB * room.coming
    begin(room.desk)
    assert room.desk.go_back(standing) == standing
    assert room.desk.frames == frame


def test_a_cue_does_not_wait_for_what_was_made(library: dict[str, str]) -> None:
    begin = scene(layer(library["bed"], fade_s=0))
    ahead, one_by_one = both({0: begin, 3: cue(library["song"], until_s=0.9)}, 20)
    assert np.array_equal(np.concatenate(ahead.heard), np.concatenate(one_by_one.heard))


def test_an_order_that_changes_nothing_made_throws_nothing_away(library: dict[str, str]) -> None:
    room = Listener()
    room.order(scene(layer(library["bed"], fade_s=0)))
    room.hear()
    room.order(master(mute=True))
    assert room.coming == AHEAD - 1


def test_levels_are_those_of_what_is_heard(library: dict[str, str]) -> None:
    """A song's last fade is made long before it is heard."""
    song = layer(library["song"], kind="instrumental", fade_s=0)
    ahead, one_by_one = both({0: scene(song)}, 3)
    for _ in range(14):
        statuses = [room.status() for room in (ahead, one_by_one)]
        strips = [status.strips[0] for status in statuses]
        assert [strip.peak for strip in strips] == pytest.approx([strips[1].peak] * 2, abs=1e-6)
        assert [status.rms for status in statuses] == pytest.approx([statuses[1].rms] * 2, abs=1e-9)
        for room in (ahead, one_by_one):
            room.hear()


def test_dead_air_that_was_not_heard_does_not_count(library: dict[str, str], tmp_path: Path) -> None:
    path = str(tmp_path / "silent.pcm")
    write_pcm(path, [np.zeros((2, SR), np.float32)], PcmInfo(2, SR, UNIT, -20.0, -1.0, Loop()))
    ahead, one_by_one = both({0: scene(layer(path, fade_s=0)), 4: scene(layer(library["bed"], fade_s=0))}, 8)
    assert ahead.status().dead_air_s == one_by_one.status().dead_air_s > 0


@pytest.mark.parametrize("room", [Room(reverb=0.3), Room(rotation_dps=5.0)])
def test_what_cannot_be_taken_back_is_made_one_by_one(library: dict[str, str], room: Room) -> None:
    desk = Desk(4, -20.0, room, ahead=AHEAD)
    desk.apply(Scene((layer(library["bed"], fade_s=0),)))
    for _ in range(6):
        desk.slab()
        assert not desk.runs_on


orders = st.one_of(
    st.builds(
        lambda name, db, pan, fade_s, kind: ("layer", name, db, pan, fade_s, kind),
        st.sampled_from(["bed", "other", "song", "loud", "gone"]),
        st.floats(-20, 6),
        st.floats(-1, 1),
        st.sampled_from([0.0, 0.02, 0.3, 3.0]),
        st.sampled_from(["soundscape", "instrumental"]),
    ),
    st.sampled_from([("master", {"mute": True}), ("master", {"hush": True}), ("master", {}), ("cue", "song")]),
    st.just(("nothing",)),
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.integers(0, 30), orders, max_size=8))
def test_whatever_is_ordered_nobody_can_tell(library: dict[str, str], wished: dict[int, tuple[Any, ...]]) -> None:
    def order(what: tuple[Any, ...]) -> Order:
        match what:
            case ("layer", name, gain_db, pan, fade_s, kind):
                path = library.get(name, "/nowhere/gone.pcm")
                return scene(layer(path, gain_db=gain_db, pan=pan, fade_s=fade_s, kind=kind))
            case ("master", fields):
                return master(**fields)
            case ("cue", name):
                return cue(library[name])
        return scene()

    ahead, one_by_one = both({slab: order(what) for slab, what in wished.items()}, 32)
    assert np.abs(np.concatenate(ahead.heard) - np.concatenate(one_by_one.heard)).max() < 1e-6, "ramps made in pieces"
    gc.collect()  # or too many files stay open


class Card:
    """Takes blocks when it is told to; the pump behind it makes them ahead."""

    def __init__(self) -> None:
        self.fifo = Fifo(SLAB * 8, BLOCK * 8, several=True)
        self.desk = Desk(2, -20.0, ahead=self.fifo.slabs)
        self.clock = SlabClock(SLAB, BLOCK)
        self.pump = Pump(self.desk, self.fifo, self.clock)
        self.taken = 0
        self.pump.start()

    def take(self, blocks: int) -> Samples:
        self.taken += blocks * BLOCK
        data = b"".join(os.read(self.fifo.outlet, BLOCK * 8) for _ in range(blocks))
        return np.frombuffer(data, np.float32).reshape(-1, 2)

    def order(self, give: Order) -> None:
        """And wait until the pump has seen it."""
        seen, put = [], self.fifo.put
        self.fifo.put = lambda samples: (put(samples), seen.append(len(samples)))  # type: ignore[method-assign]
        give(self.desk)
        self.fifo.ring()
        until(lambda: bool(seen))
        self.fifo.put = put  # type: ignore[method-assign]


@pytest.fixture
def card(steady: str) -> Iterator[Card]:
    """A steady ½ under way, four slabs waiting, three blocks of the first taken."""
    card = Card()
    card.desk.apply(Scene((layer(steady, fade_s=0),)))
    card.take(8)

    def full() -> bool:
        waiting = card.pump.waiting_frames()
        if 0 < waiting < AHEAD * SLAB:
            card.take(1)
        return waiting == AHEAD * SLAB

    until(full)
    card.take(3)
    yield card
    card.pump.close()


def test_a_scene_is_heard_behind_the_slab_that_is_being_played(card: Card) -> None:
    card.order(scene(release_s=0))
    out = card.take(8)[:, 0]
    assert int(np.argmax(out < HALF * 0.99)) in range(BLOCK, BLOCK + 512), "at once, but for the limiter's delay"


def test_orders_in_a_row_wait_no_longer_than_one(card: Card) -> None:
    """What is new is made when the card has taken what stands, or each order would put another slab before the next."""
    path = card.desk.playing()[0].part.path
    card.take(2)
    for number in range(8):
        card.order(scene(layer(path, gain_db=-number / 100, fade_s=0)))
    card.order(scene(release_s=0))
    out = card.take(10)[:, 0]
    assert int(np.argmax(out < HALF * 0.9)) in range(3 * BLOCK, 3 * BLOCK + 512), "what is left of a slab"


def test_what_was_thrown_away_is_not_waited_for(card: Card) -> None:
    """Or a slab that is late after an order would be no underrun."""
    told, handed_over = [], card.clock.handed_over
    card.clock.handed_over = lambda at_ns, frames, held_up_ns: (  # type: ignore[method-assign]
        told.append(frames),
        handed_over(at_ns, frames, held_up_ns),
    )
    card.order(scene(release_s=0))
    until(lambda: bool(told))
    assert told[0] == BLOCK


def test_the_master_is_heard_at_the_next_block(card: Card) -> None:
    card.order(master(mute=True))
    assert not card.take(2)[BLOCK:].any()
    assert not card.take(11).any()


def test_an_order_makes_no_sound_of_its_own(card: Card) -> None:
    card.order(scene(layer(card.desk.playing()[0].part.path, fade_s=0.5, gain_db=-6.0)))
    out = card.take(40)[:, 0]
    assert np.abs(np.diff(out)).max() < 1e-4
    assert out[-1] == pytest.approx(HALF * 10 ** (-6 / 20), rel=1e-4)


def test_what_is_played_never_seems_more_than_was_taken(card: Card) -> None:
    for number in range(8):
        card.order(scene(layer(card.desk.playing()[0].part.path, gain_db=-float(number), fade_s=0)))
        card.take(1)
        assert card.pump.played_frames() <= card.taken
        until(lambda: card.pump.played_frames() == card.taken)


def test_slabs_that_come_together_are_no_underrun(card: Card) -> None:
    card.take(64)
    assert card.clock.underruns == 0
