"""Between the renderer and the card: whole blocks, a wake-up when it runs dry, and the time lost before Python."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest

from mixer.fifo import Fifo
from tests.patience import PATIENCE_S

SLAB = 4096


def slab(channels: int, first: float = 0.0) -> np.ndarray:
    count = SLAB * channels
    return (first + np.arange(count, dtype=np.float32)).reshape(SLAB, channels)


def made(channels: int = 2, block: int = 1024) -> Fifo:
    return Fifo(4 * SLAB * channels, 4 * block * channels)


@pytest.fixture
def fifo() -> Iterator[Fifo]:
    each = made()
    yield each
    each.close()


@pytest.mark.parametrize("channels", [1, 2, 4, 6, 8])
@pytest.mark.parametrize("block", [512, 1000, 1024, 2048, 4096])
def test_every_read_is_a_whole_block_and_room_is_seen_when_little_is_left(channels: int, block: int) -> None:
    fifo, block_bytes = made(channels, block), 4 * channels * block
    rendered, left = 0, []

    def render() -> None:
        nonlocal rendered
        with suppress(OSError):  # closed meanwhile
            while fifo.wait() and rendered < 6:
                if fifo.has_room:
                    left.append(fifo.waiting_bytes())
                    fifo.put(slab(channels, rendered * SLAB * channels))
                    rendered += 1

    thread = threading.Thread(target=render)
    thread.start()
    sizes, taken = set(), b""
    while len(taken) < 5 * 4 * SLAB * channels:
        taken += (data := os.read(fifo.outlet, block_bytes))
        sizes.add(len(data))
    fifo.close()
    thread.join()
    assert sizes == {block_bytes}
    assert max(left) <= SLAB * channels, "no more than a quarter of a slab waits when the next is made"
    got = np.frombuffer(taken, np.float32)
    assert np.array_equal(got, np.arange(len(got), dtype=np.float32))


@pytest.mark.parametrize(("channels", "slabs"), [(1, 4), (2, 4), (4, 2), (6, 1), (8, 1)])
def test_it_takes_several_slabs_and_has_room_when_the_last_of_them_is_taken(channels: int, slabs: int) -> None:
    fifo, block_bytes = Fifo(4 * SLAB * channels, 4 * 1024 * channels, several=True), 4 * 1024 * channels
    assert fifo.slabs == slabs
    for count in (slabs, 1, slabs, max(1, slabs - 1)):
        for _ in range(count):
            fifo.put(slab(channels))  # returns
        fifo.ring()
        assert fifo.wait()
        while not fifo.has_room:
            fifo.answered()
            os.read(fifo.outlet, block_bytes)
            fifo.ring()
            assert fifo.wait()
        fifo.answered()
        assert fifo.waiting_bytes() <= block_bytes
        fifo.take_back()
    fifo.close()


@pytest.mark.parametrize("blocks", [1, 2, 3, 4])
def test_of_what_is_put_in_again_all_is_taken_before_it_has_room(fifo: Fifo, blocks: int) -> None:
    fifo.put(slab(2)[: blocks * 1024])
    fifo.take_no_more()
    for _ in range(blocks):
        fifo.ring()
        assert fifo.wait()
        assert (fifo.answered(), fifo.has_room) == (True, False)
        os.read(fifo.outlet, 8192)
    assert fifo.wait()
    assert fifo.has_room
    fifo.take_slabs()
    fifo.put(slab(2))  # returns
    assert fifo.waiting_bytes() == 4 * 8192


def test_a_block_that_comes_in_pieces_is_read_whole(fifo: Fifo) -> None:
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(os.read(fifo.outlet, 8192)))
    reader.start()
    fifo.put(slab(2)[:500])
    assert not got
    fifo.put(slab(2)[500:1024])
    reader.join(PATIENCE_S)
    assert len(got[0]) == 8192


def test_what_the_card_has_not_taken_can_be_taken_back(fifo: Fifo) -> None:
    fifo.put(slab(2))
    os.read(fifo.outlet, 8192)
    assert fifo.waiting_bytes() == 3 * 8192
    assert fifo.take_back() == 3 * 8192
    assert (fifo.waiting_bytes(), fifo.take_back()) == (0, 0)


def test_a_bell_wakes_the_renderer_though_there_is_no_room(fifo: Fifo) -> None:
    fifo.put(slab(2))
    fifo.ring()
    fifo.ring()
    assert fifo.wait()
    assert (fifo.answered(), fifo.has_room) == (True, False)
    fifo.take_back()
    assert fifo.wait()
    assert (fifo.answered(), fifo.has_room) == (False, True), "two rings in one moment are one"


def test_once_closed_nobody_waits(fifo: Fifo) -> None:
    reader = threading.Thread(target=lambda: os.read(fifo.outlet, 8192))
    reader.start()
    fifo.close()
    reader.join(PATIENCE_S)
    assert not reader.is_alive()
    assert not fifo.wait()
    with pytest.raises(BrokenPipeError):
        fifo.put(slab(2))


def test_time_before_the_interpreters_door_is_told_from_time_asleep(fifo: Fifo) -> None:
    """The card takes its last block while a C call keeps the interpreter for 50 ms."""
    held_ms: list[float] = []
    c, memory = ctypes.PyDLL(None), ctypes.create_string_buffer(4 * 8192)

    def render(hold: bool) -> None:
        fifo.put(slab(2))
        thread = threading.Thread(target=lambda: (fifo.wait(), held_ms.append(fifo.held_up_ns / 1e6)))
        thread.start()
        time.sleep(0.1)  # long asleep, and that does not count
        c.read(fifo.outlet, memory, len(memory))
        if hold:
            c.usleep(50_000)
        thread.join()

    render(hold=True)
    render(hold=False)
    assert held_ms[0] > 40
    assert held_ms[1] < held_ms[0]
