"""A full disk, a database that is held or cannot be written: the sound goes on, and nobody is lied to."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from appliance.store.database import BUSY_TIMEOUT_S
from appliance.ui.english import ENGLISH
from tests.faults.disks import read_only_file, small_disk
from tests.faults.fault_table import TIMES, FaultTable
from tests.faults.listening import longest_silence_s, recorded_s
from tests.faults.machine import Machine
from tests.faults.real_box import RealBox, real_box
from tests.faults.screen import refused_s, screen_of

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


@contextmanager
def playing(folder: Path, data: Path | None = None) -> Iterator[RealBox]:
    with real_box(folder, data) as box:
        box.with_songs().start("player", "nfc").up()
        yield box


@pytest.mark.timeout(180 + 60 * TIMES)
def test_a_full_disk_refuses_taps_and_not_the_sound(faults: FaultTable, machine: Machine) -> None:
    with (
        TemporaryDirectory(prefix="cosound-f-") as folder,
        small_disk(Path(folder) / "disk") as disk,
        playing(Path(folder), disk.folder / "data") as box,
    ):
        acknowledged = [box.tap_and_see(card) for card in range(3)]
        from_s = recorded_s(box.recording)
        for turn in range(TIMES):
            forget_the_log(box)
            disk.fill()
            refused = box.tap(100 + turn)
            box.until(lambda: "is full" in box.reader_says, "the refusal")
            screen = screen_of(box, refused_s(box))
            assert screen.guests == ENGLISH.tap_lost
            assert screen.staff == f"{ENGLISH.nothing_stored} · {ENGLISH.link_none}"
            person = box.run("tap", f"04{200 + turn:012x}")
            assert (person.returncode, person.stderr.count("\n")) == (2, 1)
            assert "not stored" in person.stderr
            box.sound_for(1.0)
            disk.make_room()
            let_go_s = time.monotonic()
            acknowledged.append(box.tap_and_see(300 + turn))
            recovery_s = time.monotonic() - let_go_s
            box.until(lambda: not box.reader_says, "a reader without complaint")
            assert ENGLISH.nothing_stored not in screen_of(box).staff
            assert refused not in box.taps(), "what was refused does not count by itself later"
            faults.note("disk full", acknowledged=acknowledged, found=box.taps(), recovery_s=recovery_s)
        assert box.restarts == 0
        assert longest_silence_s(box.recording, from_s) < machine.bearable_gap_s


def forget_the_log(box: RealBox) -> None:
    """SQLite uses the room its log has had once; without it a full disk is full at once."""
    with closing(sqlite3.connect(box.database, timeout=10)) as conn:
        box.until(lambda: conn.execute("pragma wal_checkpoint(truncate)").fetchone()[0] == 0, "a checkpoint")


def test_a_database_that_another_holds_makes_a_tap_wait(faults: FaultTable, machine: Machine) -> None:
    with TemporaryDirectory(prefix="cosound-f-") as folder, playing(Path(folder)) as box:
        acknowledged = [box.tap_and_see(1)]
        from_s = recorded_s(box.recording)
        with closing(sqlite3.connect(box.database, timeout=10, isolation_level=None)) as other:
            other.execute("begin immediate")
            waiting = box.tap(2)
            box.until(lambda: "held by another process" in box.log("nfc"), "the one line", BUSY_TIMEOUT_S + 5)
            box.sound_for(2.0)
            other.execute("rollback")
        let_go_s = time.monotonic()
        box.until(lambda: waiting in box.taps(), "the tap that waited")
        recovery_s = time.monotonic() - let_go_s
        acknowledged += [waiting, box.tap_and_see(3)]
        assert box.log("nfc").count("nfc is down") == 1
        assert box.restarts == 0
        assert longest_silence_s(box.recording, from_s) < machine.bearable_gap_s
        faults.note("database held by another", acknowledged=acknowledged, found=box.taps(), recovery_s=recovery_s)


def test_a_database_that_cannot_be_written_still_plays(faults: FaultTable) -> None:
    with TemporaryDirectory(prefix="cosound-f-") as folder, real_box(Path(folder)) as box:
        box.with_songs().start("nfc").up()
        acknowledged = [box.tap_and_see(1)]
        box.stop()
        with read_only_file(box.database):
            box.start("player", "nfc").up()
            refused = box.tap(2)
            box.until(lambda: "cannot be written" in box.reader_says, "the refusal")
            box.sound_for(1.0)
            assert box.restarts == 0
            box.stop()
        box.start("player", "nfc")
        began_s = time.monotonic()
        box.up()
        acknowledged.append(box.tap_and_see(3))
        assert refused not in box.taps()
        faults.note(
            "database read-only", acknowledged=acknowledged, found=box.taps(), recovery_s=time.monotonic() - began_s
        )
