"""A damaged database is set aside, and what can still be read of it goes on in a new one.

First the new file is filled beside the damaged one, then they change places: a power cut at any moment leaves
either the damaged file, to be rescued again, or both, to be exchanged at the next start.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.store import snapshot
from appliance.store.checkup import JSON_COLUMNS, UNREADABLE
from appliance.store.database import Database
from appliance.store.salvage import Row, open_damaged, readable_rows

log = logging.getLogger(__name__)

KEEP_BROKEN = 3

# All tables are kept but these: how far we had come with the cloud, and what it says again when asked for everything.
_NOT_KEPT = ("migrations", "bucket_rows", "sync_state", "player_queue", "held_votes", "sqlite_sequence", "heard")
# Rows that a whole new pull may find gone from the cloud: those are then removed here too.
_FROM_CLOUD = (
    "insert into bucket_rows select 'songs', id, 0, 0 from songs where file_url not like 'local:%'",
    "insert into bucket_rows select 'player_library', song_id, 0, 0 from player_library",
)

_HEARD = "insert into heard select song_id, min(wall_ms), max(wall_ms) from songs_playing group by song_id"
_ANSWERED = "select value from sync_state where key = 'answered' and value glob '[0-9]*'"


@dataclass(frozen=True, slots=True)
class Rescued:
    """How much was kept. `pending`: facts that the cloud has not heard of."""

    facts: int
    pending: int
    songs_ready: int


def rescue(path: Path, why: str) -> Rescued:
    """Exchange the damaged file for a new one with what could be read of it. Nobody may have it open.

    Raises SetupError or TransientError when the disk takes no new file; then nothing is changed.
    """
    fresh = _fresh(path)
    for leftover in path.parent.glob(f"{fresh.name}*"):
        leftover.unlink()
    with closing(Database(fresh)) as db:
        db.tidy()  # its tables into the file, where they can be copied from
        with open_damaged(path, fresh) as damaged, db.write():
            if damaged is not None:
                _take_over(damaged, db)
            _seed(db, snapshot.read(path.with_name(snapshot.NAME)))
        kept = _count(db)
    _sync(fresh)
    aside = _set_aside(path)
    finish(path)
    log.error(
        "%s was damaged (%s) and set aside as %s; kept %d facts, %d of them not in the cloud yet, and %d songs to play",
        path, why, aside.name, kept.facts, kept.pending, kept.songs_ready,
    )  # fmt: skip
    return kept


def finish(path: Path) -> None:
    """Put the new file in place if the damaged one has gone and it has not come yet."""
    fresh = _fresh(path)
    if path.exists() or not fresh.exists():
        return
    for end in ("-wal", "-shm"):
        stale = path.with_name(path.name + end)
        if stale.exists():
            stale.rename(path.with_name(f"{path.name}.broken-{max(_numbers(path), default=0)}{end}"))
    fresh.rename(path)
    _sync(path.parent)


def _fresh(path: Path) -> Path:
    return path.with_name(f"{path.name}.rescued")


def _take_over(damaged: sqlite3.Connection, db: Database) -> None:
    tables = [str(row[0]) for row in db.rows("select name from sqlite_master where type = 'table'")]
    for table in (table for table in tables if table not in _NOT_KEPT):
        known = {row["name"] for row in db.rows(f"pragma table_info({table})")}
        for row in readable_rows(damaged, table, JSON_COLUMNS.get(table, ())):
            _insert(db, table, {name: value for name, value in row.items() if name in known})
    _take_over_old_queue(damaged, db)
    _go_on_counting(damaged, db)
    _forget_lost_files(db)
    for statement in (*_FROM_CLOUD, _HEARD):
        db.conn.execute(statement)


def _take_over_old_queue(damaged: sqlite3.Connection, db: Database) -> None:
    """What was pending in a file that this version had not opened yet."""
    with suppress(*UNREADABLE):
        if damaged.execute("select 1 from sqlite_master where type = 'table' and name = 'outbox'").fetchone():
            for row in readable_rows(damaged, "outbox"):
                _insert(db, "ops", row)
            db.conn.execute("update votes set op_seq = (select seq from ops where ops.op_id = votes.op_id)")


def _go_on_counting(damaged: sqlite3.Connection, db: Database) -> None:
    """Numbers of taps and ops are not given twice, even when the newest rows are lost or pushed. Should it not be
    known any more which ops were answered, all go again, and count once."""
    with suppress(*UNREADABLE):
        db.conn.executemany(
            "insert or replace into sync_state values ('answered', ?)", map(tuple, damaged.execute(_ANSWERED))
        )
    for row in readable_rows(damaged, "sqlite_sequence"):
        taken = db.row("select seq from sqlite_sequence where name = ?", row["name"])
        if taken is None and isinstance(row["seq"], int):
            _insert(db, "sqlite_sequence", row)
        elif taken is not None and isinstance(row["seq"], int) and row["seq"] > taken["seq"]:
            db.conn.execute("update sqlite_sequence set seq = ? where name = ?", (row["seq"], row["name"]))


def _seed(db: Database, songs: Iterable[Row]) -> None:
    """Songs that the table lost but the cache still has: they sound until the cloud has told us all again."""
    for song in songs:
        if not db.row("select 1 from songs where id = ?", song["id"]):
            _insert(db, "songs", song)
            if song["file_url"].startswith("local:"):
                continue
            db.conn.execute("insert or ignore into bucket_rows values ('songs', ?, 0, 0)", (song["id"],))
            if db.row("select 1 from player_library"):
                _insert(db, "player_library", {"song_id": song["id"]})


def _insert(db: Database, table: str, row: Row) -> None:
    """A row that breaks a rule of the table was damaged: it is left out."""
    marks = ", ".join("?" * len(row))
    db.conn.execute(f"insert or ignore into {table} ({', '.join(row)}) values ({marks})", tuple(row.values()))  # noqa: S608


def _forget_lost_files(db: Database) -> None:
    for row in db.rows("select id, media_path, pcm_path from songs where coalesce(media_path, pcm_path) is not null"):
        for column in ("media_path", "pcm_path"):
            if row[column] and not Path(row[column]).exists():
                db.conn.execute(f"update songs set {column} = null where id = ?", (row["id"],))  # noqa: S608 - ours


def _count(db: Database) -> Rescued:
    facts = sum(db.count(f"select count(*) from {table}") for table in ("taps", "votes", "songs_playing"))  # noqa: S608
    return Rescued(
        facts,
        db.count("select count(*) from outbox"),
        db.count("select count(*) from songs where pcm_path is not null"),
    )


def _set_aside(path: Path) -> Path:
    """Rename the database (its log follows in `finish`), and let go of the oldest of too many."""
    numbers = _numbers(path)
    aside = path.with_name(f"{path.name}.broken-{max(numbers, default=0) + 1}")
    path.rename(aside)
    for number in sorted(numbers)[: max(len(numbers) + 1 - KEEP_BROKEN, 0)]:
        for old in path.parent.glob(f"{path.name}.broken-{number}*"):
            old.unlink()
    return aside


def _numbers(path: Path) -> set[int]:
    ends = (old.name.removeprefix(f"{path.name}.broken-") for old in path.parent.glob(f"{path.name}.broken-*"))
    return {int(end) for end in ends if end.isdigit()}


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
