"""kill -9 of any of the processes, several at once, at any moment, over and over: no acknowledged tap is lost."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from appliance.errors import CosoundError
from sync.prepare import MAX_TRIES, SETTLED_S
from tests.faults.dice import dice
from tests.faults.fault_table import TIMES, FaultTable
from tests.faults.real_box import RealBox, real_box
from tests.faults.real_cloud import RealCloud, doubled_stays, real_cloud, settled

pytestmark = pytest.mark.processes

KILLS = int(os.environ.get("FAULTS_KILLS", "12" if TIMES == 1 else "1000"))
BOX = ("player", "sync", "nfc", "ui")
CLOUD = "cloud"
CARDS = 40
UNPREPARED = "select count(*) from songs where pcm_path is null and prepare_error is null"


@pytest.mark.timeout(240 + 4 * KILLS)
def test_any_of_them_killed_at_any_moment(faults: FaultTable) -> None:
    rolled, killed, sent = dice("kills"), 0, []
    with (
        TemporaryDirectory(prefix="cosound-f-") as folder,
        real_cloud(Path(folder) / "cloud") as cloud,
        real_box(Path(folder), **cloud.box_env) as box,
    ):
        box.with_songs().start(*BOX).up()
        while killed < KILLS:
            victims = rolled.sample([*BOX, CLOUD], rolled.randint(1, 3))
            sent += [tap for tap in (tap_blindly(box, rolled.randrange(CARDS)) for _ in range(2)) if tap]
            for name in victims:
                kill(box, cloud, name)
            killed += len(victims)
            box.mind()
            sent.append(box.tap_and_see(rolled.randrange(CARDS)))
        ops = {op for tap, op in box.read("select id, op_id from taps") if tap in sent}
        recovery_s = box.until(lambda: ops <= set(cloud.ops()), "every fact in the cloud")
        box.until(box.sounding, "sound")
        box.until(lambda: box.read("select count(*) from outbox") == [(0,)], "an empty outbox")
        box.until(lambda: box.stands() == cloud.bucket_stands(), "the bucket's rows")
        found = [op for op in cloud.ops() if op in ops]
        faults.note("kill -9: several at once", acknowledged=ops, found=found, recovery_s=recovery_s, times=killed)
        assert doubled_stays(cloud.database) == 0


@pytest.mark.timeout(240 + 120 * TIMES)
def test_sync_killed_while_it_prepares_a_song_is_not_held_against_the_song(faults: FaultTable) -> None:
    """More often than a song would be tried that ends its decoder."""
    rolled = dice("kills of a decoding")
    with (
        TemporaryDirectory(prefix="cosound-f-") as folder,
        real_cloud(Path(folder) / "cloud", songs=15) as cloud,
        real_box(Path(folder), **cloud.box_env) as box,
    ):
        box.start("sync", "nfc").up()
        acknowledged = [box.tap_and_see(1)]
        kills = min((MAX_TRIES + 2) * TIMES, 40)  # more would wait for a sync that lives for a while
        for _ in range(kills):
            box.until(lambda: decodings(box), "a decoding", 2 * SETTLED_S)
            threading.Event().wait(rolled.uniform(0, 0.1))
            box.kill("sync")
            box.until(lambda: not decodings(box), "its end, with sync")
        recovery_s = box.until(
            lambda: box.read(UNPREPARED) == [(0,)] and box.read("select 1 from songs"), "every song", 60
        )
        assert box.read("select title from songs where prepare_error is not null") == []
        assert list((box.data / "pcm").glob(".*.part")) == [], "nothing half done stays on the disk"
        settled(box, cloud)
        ops = box.ops_of(acknowledged)
        found = [op for op in cloud.ops() if op in ops]
        faults.note("kill -9: sync, decoding", acknowledged=ops, found=found, recovery_s=recovery_s, times=kills)


def decodings(box: RealBox) -> list[Path]:
    """The processes that decode for this box."""
    wanted = (b"appliance.decoding", str(box.data).encode())
    return [entry for entry in Path("/proc").iterdir() if entry.name.isdigit() and _says(entry / "cmdline", wanted)]


def _says(file: Path, words: tuple[bytes, ...]) -> bool:
    try:
        told = file.read_bytes()
    except OSError:
        return False
    return all(word in told for word in words)


def tap_blindly(box: RealBox, card: int) -> str | None:
    """A tap while anything may happen to the reader; None when nobody listened."""
    try:
        return box.tap(card)
    except CosoundError:
        return None


def kill(box: RealBox, cloud: RealCloud, name: str) -> None:
    if name == CLOUD:
        cloud.kill()
        cloud.start()
    elif box.running[name].poll() is None:
        box.kill(name)
