"""The kernel finds the card ill and lets nobody write to it any more, under a whole box that plays, taps and syncs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from appliance.ui.english import ENGLISH
from tests.faults.dice import dice
from tests.faults.disks import MIB, Card, card
from tests.faults.fault_table import TIMES, FaultTable
from tests.faults.listening import longest_silence_s, recorded_s
from tests.faults.machine import Machine
from tests.faults.real_box import RealBox, real_box
from tests.faults.real_cloud import RealCloud, doubled_stays, real_cloud, settled
from tests.faults.screen import refused_s, screen_of

pytestmark = pytest.mark.processes

CARD_BYTES = 512 * MIB  # beside the songs, 200 MB must stay free
READY_SONGS = 4
SAYS = "can only be read"
ALL = ("player", "nfc", "ui", "sync")


@contextmanager
def box_on_a_card() -> Iterator[tuple[RealBox, Card, RealCloud]]:
    """With a disk of its own, a cloud, and songs to play; its sync runs."""
    with (
        TemporaryDirectory(prefix="cosound-f-") as folder,
        card(Path(folder), CARD_BYTES) as disk,
        real_cloud(Path(folder) / "cloud") as cloud,
        real_box(Path(folder), disk.folder / "data", **cloud.box_env) as box,
    ):
        box.start("sync")
        box.until(lambda: box.ready_songs >= READY_SONGS, "songs")
        yield box, disk, cloud


@pytest.mark.timeout(240 + 240 * TIMES)
def test_a_card_that_the_kernel_takes_away_is_said_and_survived(faults: FaultTable, machine: Machine) -> None:
    with box_on_a_card() as (box, disk, cloud):
        box.start("player", "nfc").up()
        acknowledged: list[str] = []
        for turn in range(TIMES):
            acknowledged += fall_ill(box, disk, cloud, turn, machine)
            recovery_s = boot(box, disk)
            acknowledged += box.ops_of([box.tap_and_see(3000 + turn)])
            settled(box, cloud)
            found = [op for op in cloud.ops() if op in acknowledged]
            faults.note("card made read-only", acknowledged=acknowledged, found=found, recovery_s=recovery_s)
        assert doubled_stays(cloud.database) == 0


def fall_ill(box: RealBox, disk: Card, cloud: RealCloud, turn: int, machine: Machine) -> list[str]:
    """Facts that have just been told, and some that could not be yet; then nothing can be written. Their ops."""
    rolled = dice(f"ill card {turn}")
    told = box.ops_of([box.tap_and_see(rolled.getrandbits(40)) for _ in range(rolled.randrange(1, 4))])
    cloud.kill()
    waiting = box.ops_of([box.tap_and_see(rolled.getrandbits(40)) for _ in range(rolled.randrange(1, 4))])
    from_s, restarts = recorded_s(box.recording), box.restarts
    disk.fall_ill()
    refused = box.tap(1000 + turn)
    box.until(lambda: SAYS in box.reader_says, "the refusal")
    told_on_screens(box)
    person = box.run("tap", f"04{2000 + turn:012x}")
    assert (person.returncode, person.stderr.count("\n")) == (2, 1), person.stderr
    status = box.run("status")
    assert (status.returncode, status.stdout.count(SAYS)) == (0, 2), status
    cloud.start()
    box.until(lambda: set(waiting) <= set(cloud.ops()), "the facts that waited")  # told, but not noted as told
    box.sound_for(1.0)
    assert box.restarts == restarts
    assert longest_silence_s(box.recording, from_s) < machine.bearable_gap_s
    assert refused not in box.taps()
    box.kill("player")
    box.start("player").until(box.sounding, "sound from a card that can only be read")
    return told + waiting


def told_on_screens(box: RealBox) -> None:
    screen = screen_of(box, refused_s(box))
    assert screen.guests == ENGLISH.tap_lost
    assert screen.staff.startswith(ENGLISH.nothing_stored)


def boot(box: RealBox, disk: Card) -> float:
    """Switched off and on. Seconds until it sounds, from when the card is there again."""
    names = tuple(box.running)
    for name in names:
        box.kill(name)
    disk.boot()
    began_s = time.monotonic()
    box.start(*names)
    box.until(box.sounding, "sound")
    recovery_s = time.monotonic() - began_s
    box.up()
    return recovery_s


@pytest.mark.timeout(240 + 240 * TIMES)
def test_a_box_that_boots_on_a_card_that_can_only_be_read_plays(faults: FaultTable) -> None:
    """Whoever closes the database last takes away what its users share; a box's end comes before that, or not."""
    with box_on_a_card() as (box, disk, cloud):
        box.start("player", "nfc", "ui").up()
        box.until(lambda: box.runtime.read("ui"), "the screen")
        acknowledged: list[str] = []
        for turn in range(2 * TIMES):
            acknowledged += box.ops_of([box.tap_and_see(3000 + turn)])
            settled(box, cloud)
            box.stop()
            if turn % 2 == 0:
                box.run("status")
                assert not box.database.with_name("cosound.db-shm").exists()
            disk.boot_read_only()
            refused = play_from_what_can_only_be_read(box, 1000 + turn)
            recovery_s = take_writes_again(box, disk)
            acknowledged += box.ops_of([box.tap_and_see(2000 + turn)])
            assert refused not in box.taps()
            settled(box, cloud)
            found = [op for op in cloud.ops() if op in acknowledged]
            faults.note("boot on a read-only card", acknowledged=acknowledged, found=found, recovery_s=recovery_s)
        assert doubled_stays(cloud.database) == 0


def play_from_what_can_only_be_read(box: RealBox, card_number: int) -> str:
    """Everything runs and stays; a tap is refused, and staff are told."""
    box.start(*ALL).up()
    box.until(lambda: box.link == "up", "the cloud")
    restarts = box.restarts
    refused = box.tap(card_number)
    box.until(lambda: SAYS in box.reader_says, "the refusal")
    told_on_screens(box)
    status = box.run("status")
    assert (status.returncode, status.stdout.count(SAYS)) == (0, 2), status
    box.sound_for(2.0)
    assert box.restarts == restarts, box.logs()
    return refused


def take_writes_again(box: RealBox, disk: Card) -> float:
    """Seconds until all that had opened the database as it stood have left, and are back."""
    before = dict(box.running)
    disk.take_writes_again()
    return box.until(lambda: all(box.running[name] is not before[name] for name in ALL), "a start of each")
