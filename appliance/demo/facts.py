"""Nothing acknowledged is lost: facts on the box against ops in the cloud, counted from outside both."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Set
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.errors import TransientError

_FACTS = {
    "taps": "select op_id from taps where op_id is not null",
    "votes": "select op_id from votes",
    "plays": "select op_id from songs_playing where op_id <> ''",  # the box's own songs are its own matter
}


@dataclass(frozen=True, slots=True)
class BoxFacts:
    """One consistent look at the box: op ids of what people did, and of what has not been pushed."""

    ops: dict[str, frozenset[str]]
    pending: frozenset[str]

    @property
    def acknowledged(self) -> frozenset[str]:
        return frozenset().union(*self.ops.values())


@dataclass(frozen=True, slots=True)
class Balance:
    """`acknowledged = in_cloud + pending`, or something was lost or invented."""

    taps: int
    votes: int
    plays: int
    acknowledged: int
    in_cloud: int
    pending: int

    @property
    def even(self) -> bool:
        return self.acknowledged == self.in_cloud + self.pending


@dataclass(frozen=True, slots=True)
class SongSeen:
    """A song as the box's file has it."""

    id: str
    title: str
    embedding: tuple[float, ...]


def read_box(data_dir: Path) -> BoxFacts:
    """Read the box's file as it is on the disk, by a connection of our own that cannot write."""
    with closing(_open(data_dir)) as conn:
        conn.execute("begin")
        ops = {name: frozenset(row[0] for row in conn.execute(sql)) for name, sql in _FACTS.items()}
        pending = frozenset(row[0] for row in conn.execute("select op_id from outbox"))
    return BoxFacts(ops, pending)


def query(data_dir: Path, sql: str, *args: object) -> list[Any]:
    """Any read on the box's file, from outside."""
    with closing(_open(data_dir)) as conn:
        return conn.execute(sql, args).fetchall()


def song_on_box(data_dir: Path, song_id: str) -> SongSeen:
    """Raises TransientError while the box has not heard of it."""
    rows = query(data_dir, "select title, embedding from songs where id = ?", song_id)
    if not rows:
        raise TransientError(f"the box does not know song {song_id} yet")
    title, embedding = rows[0]
    return SongSeen(song_id, title, tuple(json.loads(embedding)) if embedding else (0.0,) * 5)


def balance(box: BoxFacts, ops_in_cloud: Set[str], phone_votes: Set[str], votes_in_cloud: Set[str]) -> Balance:
    """Count each acknowledged fact once: in the cloud, else pending on the box.

    The cloud is to be read after the box, so that what was pushed in between is in the cloud.
    phone_votes: ids of votes the cloud itself acknowledged to a phone; they can only be there, or lost.
    """
    there = box.acknowledged & ops_in_cloud
    return Balance(
        taps=len(box.ops["taps"]),
        votes=len(box.ops["votes"]) + len(phone_votes),
        plays=len(box.ops["plays"]),
        acknowledged=len(box.acknowledged) + len(phone_votes),
        in_cloud=len(there) + len(phone_votes & votes_in_cloud),
        pending=len((box.acknowledged - there) & box.pending),
    )


def _open(data_dir: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{data_dir / 'cosound.db'}?mode=ro", uri=True, timeout=5, isolation_level=None)
