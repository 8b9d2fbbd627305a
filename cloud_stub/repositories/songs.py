"""Songs and which of them a room may play."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

from cloud_stub.database import Asked, Row, Tx, marks
from cloud_stub.moments import to_text
from cloud_stub.repositories import bucket, players

T = TypeVar("T")

_IN_LIBRARY = (
    "deleted_at is null and (exists (select 1 from player_library l where l.player_id = ? and l.song_id = songs.id) "
    "or not exists (select 1 from player_library l where l.player_id = ?))"
)


@dataclass(frozen=True, slots=True)
class NewSong:
    """A song whose file is already stored. `file_url` is where the storage keeps it, without a signature."""

    title: str
    type: str
    file_url: str
    sha256: str
    byte_size: int
    duration: float
    loudness_lufs: float | None
    true_peak_dbtp: float | None
    embedding: Sequence[float] | None
    embedding_source: str
    artist: str | None = None
    confidence: float | None = None


def add(tx: Tx, song: NewSong, now_s: float) -> str:
    """Store it and give it to every room without a library of its own; returns the id."""
    song_id, now = str(uuid4()), to_text(now_s)
    tx.run(
        "insert into songs (id, title, artist, file_url, type, embedding, embedding_source, confidence, duration, "
        "sha256, byte_size, loudness_lufs, true_peak_dbtp, created_at, updated_at) "
        "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        song_id, song.title, song.artist, song.file_url, song.type,
        None if song.embedding is None else json.dumps([float(x) for x in song.embedding]),
        song.embedding_source, song.confidence, song.duration, song.sha256, song.byte_size, song.loudness_lufs,
        song.true_peak_dbtp, now, now,
    )  # fmt: skip
    _tell(tx, song_id, now_s)
    return song_id


def remove(tx: Tx, song_id: str, now_s: float) -> bool:
    """Take it out of every library; its votes and plays stay. False when it is not there."""
    now = to_text(now_s)
    gone = tx.run(
        "update songs set deleted_at = ?, updated_at = ? where id = ? and deleted_at is null", now, now, song_id
    )
    if gone:
        rooms = [row["player_id"] for row in tx.all("select player_id from player_library where song_id = ?", song_id)]
        for player_id in rooms:
            bucket.touch(tx, player_id, "player_library", song_id, now_s)
        _tell(tx, song_id, now_s)
    return bool(gone)


def set_library(tx: Tx, player_id: str, song_ids: Sequence[str], now_s: float) -> None:
    """The songs this room may play; none means the whole library."""
    tx.run("delete from player_library where player_id = ?", player_id)
    tx.many(
        "insert into player_library (id, player_id, song_id, added_at) values (?, ?, ?, ?)",
        [(str(uuid4()), player_id, song_id, to_text(now_s)) for song_id in dict.fromkeys(song_ids)],
    )
    bucket.rebuild(tx, player_id, now_s, ("player_library", "songs"))
    players.library_changed(tx, player_id)


def find(tx: Tx, song_id: str) -> Row | None:
    """A song that is not deleted, with its embedding as a list."""
    row = tx.one("select * from songs where id = ? and deleted_at is null", song_id)
    return None if row is None else _shaped(row)


def find_by_sha256(tx: Tx, sha256: str) -> Row | None:
    row = tx.one("select * from songs where sha256 = ? and deleted_at is null", sha256)
    return None if row is None else _shaped(row)


def exists(tx: Tx, song_id: str) -> bool:
    """Whether it is or was a song: what was played or rated may be gone since."""
    return tx.value("select 1 from songs where id = ?", song_id) is not None


def listed(tx: Tx) -> list[Row]:
    return [_shaped(row) for row in tx.all("select * from songs where deleted_at is null order by title, id")]


def count(tx: Tx) -> int:
    return int(tx.value("select count(*) from songs where deleted_at is null"))


def with_library(tx: Tx, player_ids: Sequence[str]) -> Asked[set[str]]:
    """Those of the rooms that have a library of their own; the others play all songs."""
    return tx.ask(
        lambda rows: {row["player_id"] for row in rows},
        f"select distinct player_id from player_library where player_id in ({marks(player_ids)})",  # noqa: S608 - marks
        *player_ids,
    )


def for_ranking(tx: Tx, player_id: str) -> list[tuple[str, str, Any]]:
    """(id, type, embedding or None) of every song this room may play."""
    sql = f"select id, type, embedding from songs where {_IN_LIBRARY}"  # noqa: S608 - our own constant
    rows = tx.all(sql, player_id, player_id)
    return [(row["id"], row["type"], json.loads(row["embedding"]) if row["embedding"] else None) for row in rows]


def manifest(tx: Tx, player_id: str, after: str, limit: int) -> list[Row]:
    """What a player needs of the songs this room may play, by id, behind `after`."""
    sql = (
        "select id, title, artist, type, sha256, byte_size, duration, file_url from songs "  # noqa: S608 - our own words
        f"where {_IN_LIBRARY} and cast(id as text) > ? order by cast(id as text) limit ?"
    )
    return tx.all(sql, player_id, player_id, after, limit)


def embeddings(tx: Tx, song_ids: Sequence[str]) -> Asked[dict[str, list[float] | None]]:
    """id → embedding of the songs among them; None for one that has none."""
    return _some(tx, "embedding", song_ids, lambda row: json.loads(row["embedding"]) if row["embedding"] else None)


def names(tx: Tx, song_ids: Sequence[str]) -> Asked[dict[str, Row]]:
    """id → {title, type}."""
    return _some(tx, "title, type", song_ids, lambda row: {"title": row["title"], "type": row["type"]})


def media_name(tx: Tx, sha256: str, player_id: str) -> str | None:
    """The stored file of a song that this room may play."""
    sql = f"select file_url from songs where sha256 = ? and {_IN_LIBRARY}"  # noqa: S608 - our own constant
    url = tx.value(sql, sha256, player_id, player_id)
    return None if url is None else str(url).rsplit("/", 1)[-1]


def _tell(tx: Tx, song_id: str, now_s: float) -> None:
    bucket.touch_everywhere(tx, "songs", song_id, now_s)
    for player_id in bucket.settle(tx, now_s).get(("songs", song_id), ()):
        players.library_changed(tx, player_id)


def _some(tx: Tx, columns: str, song_ids: Sequence[str], shape: Callable[[Row], T]) -> Asked[dict[str, T]]:
    sql = f"select id, {columns} from songs where id in ({marks(song_ids)})"  # noqa: S608 - our own words
    return tx.ask(lambda rows: {row["id"]: shape(row) for row in rows}, sql, *song_ids)


def _shaped(row: Row) -> Row:
    return {**row, "embedding": json.loads(row["embedding"]) if row["embedding"] else None}
