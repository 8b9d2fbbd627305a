"""The songs this room may play, and which of them are on the disk, ready."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Literal

from appliance.model import LOCAL, NEUTRAL, Song, Vector
from appliance.store.database import Database
from mixer.scene import SongId

PAGE = 500
DAMAGED = "damaged_files"

Try = Literal["begun", "failed", "damaged"]

# A room's library is the cloud's word on the cloud's songs; what was put on this box by hand (LOCAL) is not under it.
_ALLOWED = (
    "(not exists (select 1 from player_library) or s.id in (select song_id from player_library) "
    "or s.file_url like 'local:%')"
)
_WANTED = f"s.pcm_path is null and s.prepare_error is null and s.sha256 <> '' and {_ALLOWED}"
_CALLED_FOR = "select song_id from player_queue union select song_id from queue_rules where kind in ('pin', 'place')"
_CALLED_FIRST = """
    select s.* from (
        select song_id, min(place) as place from (
            select song_id, position as place from player_queue
            union all select song_id, 1000 from queue_rules where kind in ('pin', 'place')
        ) group by song_id
    ) c join songs s on s.id = c.song_id where {missing} order by c.place, s.id limit ?
"""
_THE_REST = f"""
    select s.* from songs s where {{missing}} and s.id not in ({_CALLED_FOR}) order by s.id limit ?
"""  # noqa: S608 - of our own constants
_IDLE = f"""
    select s.* from songs s
    left join heard p on p.song_id = s.id
    where (s.media_path is not null or s.pcm_path is not null) and s.id not in ({_CALLED_FOR})
    order by p.last_ms is not null, p.last_ms, s.id desc
"""  # noqa: S608 - of our own constants
_MISSING = {
    None: _WANTED,
    True: f"s.media_path is not null and {_WANTED}",
    False: f"s.media_path is null and s.file_url not like '{LOCAL}%' and {_WANTED}",
}
NEW_FOR_S = 600.0


def is_local(db: Database, song_id: str) -> bool:
    """Whether the song is a file that was put on this box by hand."""
    return str(db.value("select file_url from songs where id = ?", song_id) or "").startswith(LOCAL)


class Library:
    """Reads are paged: no single call may hold the player's interpreter for long."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def songs(self) -> Iterator[Song]:
        """All songs this room may play, by id, in pages."""
        after = ""
        while True:
            rows = self._db.rows(
                f"select * from songs s where id > ? and {_ALLOWED} order by id limit ?",  # noqa: S608 - a constant
                after,
                PAGE,
            )
            yield from map(_song, rows)
            if len(rows) < PAGE:
                return
            after = rows[-1]["id"]

    def ready(self) -> list[Song]:
        """The songs that can sound now, each file once; at most what fits the cache, so one read."""
        sql = f"select * from songs s where pcm_path is not null and {_ALLOWED} order by id"  # noqa: S608 - a constant
        songs = [_song(row) for row in self._db.rows(sql)]
        from_cloud = {song.sha256 for song in songs if not song.local}
        return [song for song in songs if not (song.local and song.sha256 in from_cloud)]

    def song(self, song_id: str) -> Song | None:
        row = self._db.row("select * from songs where id = ?", song_id)
        return None if row is None else _song(row)

    def some(self, song_ids: Collection[str]) -> dict[SongId, Song]:
        """Those of these songs that there are, by id; a few, so one read."""
        marks = ", ".join("?" * len(song_ids))
        rows = self._db.rows(f"select * from songs where id in ({marks})", *song_ids)  # noqa: S608 - marks
        return {SongId(row["id"]): _song(row) for row in rows}

    def count(self) -> int:
        return self._db.count("select count(*) from songs")

    def extent(self) -> tuple[int, int]:
        """Differs when songs have come or gone: their number, and the newest one's."""
        return self.count(), self._db.count("select coalesce(max(rowid), 0) from songs")

    def ready_count(self) -> int:
        return self._db.count("select count(*) from songs where pcm_path is not null")

    def unprepared(self, limit: int, *, fetched: bool | None = None, called_for: bool = False) -> list[Song]:
        """Songs to fetch or prepare next: what is queued first, then what staff pinned or placed, then by id.

        fetched: True only those whose file is here, False only those whose file is not, None both.
        called_for: only those queued, pinned or placed.
        """
        first = self._db.rows(_CALLED_FIRST.format(missing=_MISSING[fetched]), limit)
        rest = limit - len(first)
        if called_for or not rest:
            return [_song(row) for row in first]
        return [_song(row) for row in (*first, *self._db.rows(_THE_REST.format(missing=_MISSING[fetched]), rest))]

    def missing(self, order: Sequence[str], limit: int) -> list[Song]:
        """Of these songs, in this order, those whose file is to be fetched."""
        found: list[Song] = []
        for start in range(0, len(order), PAGE):
            ids = order[start : start + PAGE]
            marks = ", ".join("?" * len(ids))
            sql = f"select s.* from songs s where s.id in ({marks}) and {_MISSING[False]}"  # noqa: S608 - marks
            of_id = {row["id"]: row for row in self._db.rows(sql, *ids)}
            found += [_song(of_id[song_id]) for song_id in ids if song_id in of_id]
        return found[:limit]

    def fetched_count(self) -> int:
        return self._db.count("select count(*) from songs where media_path is not null")

    def idle(self) -> list[Song]:
        """Songs with files here that nobody calls for, the longest unheard first: the cache gives these up."""
        return [_song(row) for row in self._db.rows(_IDLE)]

    def with_files(self) -> list[Song]:
        """Songs whose rows name a file here; at most what fits the disk, so one read."""
        rows = self._db.rows("select * from songs where media_path is not null or pcm_path is not null order by id")
        return [_song(row) for row in rows]

    def named_files(self) -> list[tuple[str, str]]:
        """(a song's id, path) of every file that rows name, each once; cheap also where there are very many."""
        rows = self._db.rows(
            "select min(id), path from (select id, pcm_path as path from songs union all "
            "select id, media_path from songs) where path is not null group by path order by path"
        )
        return [(row[0], row[1]) for row in rows]

    def with_file(self, sha256: str) -> Song | None:
        """The song whose file, or what was made of it, is here and has this hash."""
        row = self._db.row(
            "select * from songs where sha256 = ? and (media_path is not null or pcm_path is not null) limit 1", sha256
        )
        return None if row is None else _song(row)

    def add_local(self, song: Song, *, loudness_lufs: float | None, true_peak_dbtp: float | None) -> bool:
        """Store a song that a person put on this box; its files are in place. False when its file is here already.

        No reset of the cloud's bucket takes it away: only the cloud's own rows are counted there.
        """
        if not song.local:
            raise ValueError(f"{song.title}: the address of a file put here by hand begins with {LOCAL}")
        with self._db.write() as conn:
            if self.with_file(song.sha256):
                return False
            conn.execute(f"delete from songs where sha256 = ? and file_url like '{LOCAL}%'", (song.sha256,))  # noqa: S608
            conn.execute(
                "insert into songs (id, title, artist, type, file_url, embedding, embedding_source, duration, sha256, "
                "byte_size, loudness_lufs, true_peak_dbtp, media_path, pcm_path) "
                "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (song.id, song.title, song.artist, song.kind, song.file_url,
                 None if song.embedding == NEUTRAL else json.dumps(song.embedding), song.embedding_source,
                 song.duration_s, song.sha256, song.byte_size, loudness_lufs, true_peak_dbtp,
                 song.media_path, song.pcm_path),
            )  # fmt: skip
        return True

    def count_try(self, sha256: str, how: Try) -> int:
        """Note that this file's decoding is about to begin, or that it failed, or that it was found damaged; how many
        times it did since it was forgotten."""
        return self._count_one_more(f"{how}:{sha256}")

    def tries(self, sha256: str, how: Try) -> int:
        return self._counted(f"{how}:{sha256}")

    def forget_tries(self, sha256: str, *how: Try) -> None:
        with self._db.write(durable=False) as conn:
            conn.executemany("delete from sync_state where key = ?", [(f"{word}:{sha256}",) for word in how])

    def count_damaged(self) -> None:
        """One more file here was found to be other than it was written."""
        self._count_one_more(DAMAGED)

    def damaged_count(self) -> int:
        return self._counted(DAMAGED)

    def _counted(self, key: str) -> int:
        return self._db.count("select cast(value as integer) from sync_state where key = ?", key)

    def _count_one_more(self, key: str) -> int:
        with self._db.write(durable=False) as conn:
            count = self._counted(key) + 1
            conn.execute("insert or replace into sync_state values (?, ?)", (key, count))
        return count

    def give_up_file(self, path: Path) -> None:
        """No row names this file any more."""
        with self._db.write(durable=False) as conn:
            conn.execute("update songs set pcm_path = null where pcm_path = ?", (str(path),))
            conn.execute("update songs set media_path = null where media_path = ?", (str(path),))

    def set_media(self, song_id: str, path: Path | None) -> None:
        """The file is on the disk, whole and verified, before this row says so."""
        with self._db.write(durable=False) as conn:
            conn.execute("update songs set media_path = ? where id = ?", (str(path) if path else None, song_id))

    def set_ready(self, song_id: str, pcm_path: Path | None) -> None:
        """The cache file is complete and in place (or, with None, gone)."""
        with self._db.write(durable=False) as conn:
            conn.execute("update songs set pcm_path = ? where id = ?", (str(pcm_path) if pcm_path else None, song_id))

    def set_refused(self, song_id: str, why: str) -> None:
        """This file cannot be played; it is not tried again until its content changes."""
        with self._db.write(durable=False) as conn:
            conn.execute("update songs set prepare_error = ? where id = ?", (why, song_id))

    def newest_bed(self, now_wall_s: float) -> SongId | None:
        """The bed that arrived last, if the room has known it for less than `NEW_FOR_S` since its first play."""
        row = self._db.row(
            "select s.id, p.first_ms from songs s left join heard p on p.song_id = s.id "
            "where s.pcm_path is not null and s.type = 'soundscape' order by s.rowid desc limit 1"
        )
        if row is None or (row["first_ms"] is not None and now_wall_s - row["first_ms"] / 1000 > NEW_FOR_S):
            return None
        return SongId(row["id"])

    def hours_since_play(self, now_wall_s: float) -> dict[SongId, float]:
        """Hours since each song last began to play here."""
        rows = self._db.rows("select song_id, last_ms from heard")
        return {SongId(row["song_id"]): max(now_wall_s - row["last_ms"] / 1000, 0) / 3600 for row in rows}


def _vector(text: str) -> Vector:
    """Five numbers; what a damaged card made something else of (a point that became a comma) counts as none."""
    try:
        first, second, third, fourth, fifth = map(float, json.loads(text))
    except (ValueError, TypeError):
        return NEUTRAL
    vector = (first, second, third, fourth, fifth)
    return vector if all(map(math.isfinite, vector)) else NEUTRAL


def _song(row: sqlite3.Row) -> Song:
    return Song(
        id=SongId(row["id"]),
        title=row["title"],
        kind=row["type"],
        embedding=_vector(row["embedding"]) if row["embedding"] else NEUTRAL,
        embedding_source=row["embedding_source"],
        artist=row["artist"],
        duration_s=row["duration"],
        sha256=row["sha256"],
        byte_size=row["byte_size"],
        file_url=row["file_url"],
        media_path=row["media_path"],
        pcm_path=row["pcm_path"],
        prepare_error=row["prepare_error"],
    )
