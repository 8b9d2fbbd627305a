"""From a card in the field to a row on the disk, through the real reader process and nfcpy's real drivers."""

from __future__ import annotations

import os
import random
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from subprocess import Popen
from tempfile import TemporaryDirectory
from typing import Protocol

from appliance.demo.air import Air
from appliance.demo.emulated_tag import Tag
from appliance.store import Store
from benchmarks.box import Box
from benchmarks.processes import cpu_s, p95, running, until
from benchmarks.row import Row
from tests.simulated_pn532 import SimulatedPN532

TAP_GOAL_MS = 120.0
IDLE_GOAL_PCT = 1.0
STOP_GOAL_S = 0.5
REPLUG_GOAL_S = 3.0
SHOWN_GOAL_S = 2.0
COMMITTED_WITHIN_S = 10.0
STOPPED_WITHIN_S = 10.0


class Field(Protocol):
    """Where a card can be put: an air, or a simulated chip."""

    tag: Tag | None


def rows(*, quick: bool) -> list[Row]:
    """Every number of the reader. The simulators run in this process, the reader in its own."""
    taps = 20 if quick else 100
    return [
        _udp(taps),
        _pn532(taps),
        _idle(4.0 if quick else 20.0),
        _stop(3 if quick else 10),
        _replug(5 if quick else 100),
    ]


def _udp(taps: int) -> Row:
    air = Air()
    try:
        latencies_ms = _latencies_ms(air.where, air, taps)
    finally:
        air.close()
    return _latency_row("tap.udp.p95_ms", "card in the air (udp) to committed row", latencies_ms)


def _pn532(taps: int) -> Row:
    chip = SimulatedPN532()
    try:
        latencies_ms = _latencies_ms(chip.port, chip, taps)
    finally:
        chip.unplug()
    return _latency_row("tap.pn532.p95_ms", "card at a PN532 (serial) to committed row", latencies_ms)


def _latency_row(row_id: str, name: str, latencies_ms: list[float]) -> Row:
    note = f"median {median(latencies_ms):.0f}, longest {max(latencies_ms):.0f} of {len(latencies_ms)} taps"
    return Row(row_id, name, p95(latencies_ms), "ms", goal=TAP_GOAL_MS, note=note)


def _latencies_ms(where: str, field: Field, taps: int) -> list[float]:
    """Half of the cards are new, half have been here before; each is put there at a random moment of a look."""
    dice = random.Random(8)
    with _reader(where) as reader:
        _put(reader, field, b"\x04warmup")
        return [_tap_ms(reader, field, _uid(index % (taps // 2)), dice) for index in range(taps)]


def _tap_ms(reader: Reader, field: Field, uid: bytes, dice: random.Random) -> float:
    field.tag = None
    time.sleep(dice.uniform(0.7, 0.8))  # absent long enough to be missed
    return _put(reader, field, uid) * 1000


def _put(reader: Reader, field: Field, uid: bytes) -> float:
    """Seconds from the card's appearance to its row."""
    before = reader.store.people.newest_tap_seq()
    began_s = time.monotonic()
    field.tag = Tag(uid)
    while reader.store.people.newest_tap_seq() == before:
        if time.monotonic() - began_s > COMMITTED_WITHIN_S:
            raise TimeoutError(f"no row within {COMMITTED_WITHIN_S:g} s; the reader says {reader.states()}")
        reader.store.wait(0.05)
    return time.monotonic() - began_s


def _idle(seconds: float) -> Row:
    chip = SimulatedPN532()
    try:
        with _reader(chip.port) as reader:
            time.sleep(1)
            before_s = cpu_s(reader.process.pid)
            time.sleep(seconds)
            used_pct = 100 * (cpu_s(reader.process.pid) - before_s) / seconds
    finally:
        chip.unplug()
    note = f"{seconds:g} s, no card, the whole reader process"
    return Row("tap.idle_cpu_pct", "idle at a PN532", used_pct, "%", goal=IDLE_GOAL_PCT, note=note)


def _stop(rounds: int) -> Row:
    chip = SimulatedPN532()
    try:
        took_s = [_stop_s(chip.port) for _ in range(rounds)]
    finally:
        chip.unplug()
    return Row("tap.stop_s", "asked to stop to gone, the longest", max(took_s), "s", goal=STOP_GOAL_S,
               note=f"of {rounds}; median {median(took_s):.2f} s")  # fmt: skip


def _stop_s(where: str) -> float:
    with _reader(where) as reader:
        began_s = time.monotonic()
        reader.process.send_signal(signal.SIGTERM)
        ended = os.pidfd_open(reader.process.pid)  # `wait` with a timeout looks only every twentieth of a second
        try:
            select.select([ended], [], [], STOPPED_WITHIN_S)
            return time.monotonic() - began_s
        finally:
            os.close(ended)


def _replug(rounds: int) -> Row:
    """Pull the reader out and plug it in again, under its stable name, and tap a card each time."""
    shown_s, back_s, held = [], [], []
    with TemporaryDirectory(prefix="cosound-bench-", dir="/dev/shm") as folder:
        link = Path(folder) / "reader"
        chip = _plug_in(link)
        with _reader(str(link)) as reader:
            for index in range(rounds):
                _put(reader, chip, _uid(index))
                held.append(_holds(reader.process.pid))
                shown_s.append(_pull_out(reader, link, chip))
                began_s = time.monotonic()
                chip = _plug_in(link)
                _put(reader, chip, _uid(1000 + index))
                back_s.append(time.monotonic() - began_s)
            chip.unplug()
    return Row("tap.replug_s", "plugged in again to a card's row, the longest", max(back_s), "s", goal=REPLUG_GOAL_S,
               note=f"of {rounds}, median {median(back_s):.2f} s; unplugged shown within {max(shown_s):.2f} s "
               f"(goal {SHOWN_GOAL_S:g} s); files and threads held: first {held[0]}, last {held[-1]}")  # fmt: skip


def _plug_in(link: Path) -> SimulatedPN532:
    chip = SimulatedPN532()
    link.symlink_to(chip.port)
    return chip


def _pull_out(reader: Reader, link: Path, chip: SimulatedPN532) -> float:
    """Seconds until the reader's state says so."""
    began_s = time.monotonic()
    link.unlink()
    chip.unplug()
    until(lambda: reader.states()[str(link)] == "absent")
    return time.monotonic() - began_s


@dataclass(slots=True)
class Reader:
    """`cosound nfc` on a box of its own, and a hand on that box's store."""

    box: Box
    process: Popen[bytes]
    store: Store

    def states(self) -> dict[str, str]:
        readers = self.box.runtime.read("reader").get("readers", [])
        return {reader["where"]: reader["state"] for reader in readers}


@contextmanager
def _reader(where: str) -> Iterator[Reader]:
    with TemporaryDirectory(prefix="cosound-bench-") as folder:
        box = Box(Path(folder) / "box", Path(folder) / "run", reader=where)
        store = box.store("bench")
        with running(box, "nfc") as process:
            reader = Reader(box, process, store)
            until(lambda: reader.states().get(where) == "ready")
            yield reader
        store.close()


def _uid(index: int) -> bytes:
    return b"\x04" + index.to_bytes(6, "big")


def _holds(pid: int) -> tuple[int, int]:
    """(open files, threads) of a process."""
    process = Path(f"/proc/{pid}")
    return len(list((process / "fd").iterdir())), len(list((process / "task").iterdir()))
