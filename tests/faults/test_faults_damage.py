"""The database is damaged under a whole box: set aside, facts kept, the library pulled again, sound from the cache."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from appliance.store import snapshot
from tests.faults.dice import dice, flip_a_bit
from tests.faults.fault_table import TIMES, FaultTable
from tests.faults.real_box import RealBox, now_s, real_box
from tests.faults.real_cloud import RealCloud, doubled_stays, real_cloud

pytestmark = pytest.mark.processes

PROCESSES = ("player", "nfc", "sync")
READY_SONGS = 4
GIVEN_UP = "another layer takes the place"
Damage = Callable[[Path, random.Random], None]


def garbage_header(file: Path, dice: random.Random) -> None:
    """The log is taken in first: it would bring the first page with it."""
    with closing(sqlite3.connect(file)) as conn:
        conn.execute("pragma wal_checkpoint(truncate)").fetchall()
    with file.open("r+b") as raw:
        raw.write(dice.randbytes(100))


def wrong_bits(file: Path, dice: random.Random) -> None:
    """A hundred of them, anywhere in the file."""
    raw = bytearray(file.read_bytes())
    for _ in range(100):
        raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
    file.write_bytes(raw)


def truncated(file: Path, dice: random.Random) -> None:
    with file.open("r+b") as raw:
        raw.truncate(dice.randrange(file.stat().st_size))


def emptied(file: Path, _: random.Random) -> None:
    file.write_bytes(b"")


def a_web_page(file: Path, _: random.Random) -> None:
    file.write_bytes(b"<html>captive portal</html>" * 2000)


# (what is done, whether what only the box knew of survives it)
DAMAGES: tuple[tuple[Damage, bool], ...] = (
    (garbage_header, True),
    (wrong_bits, False),
    (truncated, False),
    (emptied, False),
    (a_web_page, False),
)


@pytest.mark.timeout(180 + 300 * TIMES)
def test_a_damaged_database_is_rescued(faults: FaultTable) -> None:
    """Facts that the cloud has not heard of are kept wherever they can still be read; what it has is never lost."""
    with (
        TemporaryDirectory(prefix="cosound-f-") as folder,
        real_cloud(Path(folder) / "cloud") as cloud,
        real_box(Path(folder), **cloud.box_env) as box,
    ):
        box.start("sync")
        box.until(lambda: box.ready_songs >= READY_SONGS, "songs")
        box.start("player", "nfc").up()
        for turn in range(TIMES):
            for damage, keeps_all in DAMAGES:
                suffer(box, cloud, damage, random.Random(turn), keeps_all=keeps_all, faults=faults)
            lose_it_while_running(box, cloud, faults)
        assert doubled_stays(cloud.data / "cloud.db") == 0


def suffer(
    box: RealBox, cloud: RealCloud, damage: Damage, dice: random.Random, *, keeps_all: bool, faults: FaultTable
) -> None:
    songs = box.ready_songs
    acknowledged = [box.tap_and_see(dice.getrandbits(40)) for _ in range(3)]
    ops = box.ops_of(acknowledged)
    if keeps_all:
        box.kill("sync")
        del box.running["sync"]  # nobody starts it again yet
        late = [box.tap_and_see(dice.getrandbits(40)) for _ in range(3)]
        ops += box.ops_of(late)
    else:
        box.until(lambda: set(ops) <= set(cloud.ops()), "the facts in the cloud")
    for name in box.running:
        box.kill(name)
    broken_before = broken(box)
    damage(box.database, dice)
    began_s = time.monotonic()
    box.start(*PROCESSES)
    box.until(box.sounding, f"sound after {damage.__name__}")
    recovery_s = time.monotonic() - began_s
    assert broken(box) != broken_before, "the file was set aside before it was opened"
    box.until(lambda: box.ready_songs >= songs and pulled(box), "the library")
    box.until(lambda: set(ops) <= set(cloud.ops()), "every fact in the cloud")
    box.up().tap_and_see(dice.getrandbits(40))
    faults.note(
        f"database: {damage.__name__.replace('_', ' ')}",
        acknowledged=ops,
        found=[op for op in cloud.ops() if op in ops],
        recovery_s=recovery_s,
    )


def lose_it_while_running(box: RealBox, cloud: RealCloud, faults: FaultTable) -> None:
    """Somebody moves the file away: the processes notice, end, and are started again by whoever minds them."""
    ops = box.ops_of([box.tap_and_see(random.getrandbits(40)) for _ in range(3)])
    box.until(lambda: set(ops) <= set(cloud.ops()), "the facts in the cloud")
    songs, restarts, began_s = box.ready_songs, box.restarts, time.monotonic()
    for end in ("", "-wal", "-shm"):
        file = box.database.with_name(box.database.name + end)
        if file.exists():
            file.rename(box.folder / f"moved{end}")
    box.until(lambda: box.restarts >= restarts + len(PROCESSES), "the end of all processes")
    box.until(box.sounding, "sound")
    recovery_s = time.monotonic() - began_s
    box.until(lambda: box.ready_songs >= songs and pulled(box), "the library")
    ops += box.ops_of([box.up().tap_and_see(random.getrandbits(40))])
    box.until(lambda: set(ops) <= set(cloud.ops()), "every fact in the cloud")
    faults.note(
        "database: moved away while running",
        acknowledged=ops,
        found=[op for op in cloud.ops() if op in ops],
        recovery_s=recovery_s,
    )


def pulled(box: RealBox) -> bool:
    """The cloud's whole word has come since."""
    return bool(box.read("select 1 from sync_state where key = 'cursor' and json_extract(value, '$.epoch') <> ''"))


def broken(box: RealBox) -> set[str]:
    return {file.name for file in box.data.glob("cosound.db.broken-*")}


@pytest.mark.timeout(180 + 60 * TIMES)
def test_wrong_bits_in_the_cache_cost_a_song_and_not_the_sound(faults: FaultTable) -> None:
    """In the head of a file, or anywhere. A head that makes no sense any more is found when the song's turn comes."""
    with TemporaryDirectory(prefix="cosound-f-") as folder, real_box(Path(folder)) as box:
        box.with_songs().start("player", "nfc").up()
        acknowledged = [box.tap_and_see(1)]
        files = sorted((Path(folder) / "pcm").glob("*.pcm"))
        whole = {file: file.read_bytes() for file in files}
        for turn in range(TIMES):
            rolled = dice(f"bits in the cache {turn}")
            box.kill("player")
            for file in rolled.sample(files, len(files) - 2):
                flip_a_bit(file, rolled, 0, rolled.choice([80, file.stat().st_size]))
            began_s = time.monotonic()
            box.start("player")
            box.until(box.sounding, "sound")
            recovery_s = time.monotonic() - began_s
            acknowledged.append(box.tap_and_see(2 + turn))
            faults.note("wrong bits in the cache", acknowledged=acknowledged, found=box.taps(), recovery_s=recovery_s)
            for file, content in whole.items():
                file.write_bytes(content)
            box.with_all_ready()
        box.kill("player")
        for file in files:
            flip_a_bit(file, rolled, 0, 3)
        box.start("player")
        box.until(lambda: GIVEN_UP in box.log("player"), "a word")
        before = box.log("player").count(GIVEN_UP)
        seen_s = now_s()
        box.until(lambda: now_s() > seen_s + 2, "two seconds")
        assert box.log("player").count(GIVEN_UP) <= before + len(files), "each is given up once, also the last"


@pytest.mark.timeout(180 + 60 * TIMES)
def test_a_cache_file_cut_short_while_it_sounds_costs_a_restart_and_that_song(faults: FaultTable) -> None:
    """We never write a file in place, so somebody else did. Reading what is gone from under a map ends the player."""
    with TemporaryDirectory(prefix="cosound-f-") as folder, real_box(Path(folder)) as box:
        box.with_songs().start("player", "nfc").up()
        acknowledged = [box.tap_and_see(1)]
        for turn in range(TIMES):
            restarts, victim = box.restarts, sounding_files(box)[0]
            content = victim.read_bytes()
            began_s = time.monotonic()
            os.truncate(victim, 1 << 16)
            box.until(lambda: box.restarts > restarts, "the end of the player")  # noqa: B023 - done within the loop
            box.until(box.sounding, "sound")
            recovery_s = time.monotonic() - began_s
            box.until(lambda: victim not in sounding_files(box) + ready_files(box), "its song given up")  # noqa: B023
            assert box.restarts == restarts + 1
            acknowledged.append(box.tap_and_see(2 + turn))
            faults.note("cache file cut short", acknowledged=acknowledged, found=box.taps(), recovery_s=recovery_s)
            victim.write_bytes(content)
            box.with_all_ready()


def sounding_files(box: RealBox) -> list[Path]:
    strips = [strip for strip in box.runtime.read("player")["strips"] if strip]
    paths = dict(box.read("select id, pcm_path from songs"))
    return [Path(paths[strip["song_id"]]) for strip in strips if paths[strip["song_id"]]]


def ready_files(box: RealBox) -> list[Path]:
    return [Path(path) for (path,) in box.read("select pcm_path from songs where pcm_path is not null")]


def test_the_list_of_songs_is_there_before_it_is_needed(tmp_path: Path) -> None:
    with TemporaryDirectory(prefix="cosound-f-") as folder, real_box(Path(folder)) as box:
        box.with_songs().start("player").up()
        box.until(lambda: len(snapshot.read(box.data / snapshot.NAME)) == 6, "the list")
