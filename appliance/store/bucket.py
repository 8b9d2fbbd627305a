"""Our copy of the cloud's bucket for this room: rows come in with their cursor, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from appliance.clock import Clock
from appliance.store.database import Database
from appliance.store.outbox import boot_ms

# Which columns of ours a pulled row fills; a song's local paths are ours alone.
_SONG_COLUMNS = (
    "title", "artist", "type", "file_url", "embedding", "embedding_source", "duration", "bpm", "sha256",
    "byte_size", "loudness_lufs", "true_peak_dbtp", "loop_start", "loop_end", "loop_law", "loop_xfade_s", "key",
)  # fmt: skip

_KEYS = {
    "songs": "id",
    "player_library": "song_id",
    "profiles": "id",
    "tags": "key_hash",
    "sessions": "id",
    "settings": "key",
    "held_votes": "vote_id",
}


class Bucket:
    """Applies pulled changes. Applying one twice is harmless; a row with an unsent op of ours is left alone."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def cursor(self) -> tuple[str, int]:
        """(epoch, rev) up to which we hold the cloud's rows."""
        value = self._db.value("select value from sync_state where key = 'cursor'")
        if value is None:
            return "", 0
        stored = json.loads(str(value))
        return stored["epoch"], stored["rev"]

    def apply(self, changes: Iterable[Mapping[str, Any]], *, epoch: str, rev: int) -> None:
        """Take a page of changes {tbl, pk, op, row} and move the cursor, or do neither."""
        with self._db.write(durable=False):
            for change in changes:
                self._apply_one(change)
            self._set_cursor(epoch, rev)

    def replace(self, changes: Iterable[Mapping[str, Any]], *, epoch: str, rev: int) -> None:
        """Take the whole bucket: what it does not name any more is gone, except what only we know."""
        rows = list(changes)
        with self._db.write(durable=False):
            for tbl, key in _KEYS.items():
                self._forget_missing(tbl, key, {change["pk"] for change in rows if change["tbl"] == tbl})
            self._db.conn.execute("delete from queue_rules")
            for change in rows:
                self._apply_one(change)
            self._set_cursor(epoch, rev)

    def forget_cursor(self) -> None:
        """Ask for the whole bucket next time."""
        with self._db.write(durable=False):
            self._set_cursor("", 0)

    def _apply_one(self, change: Mapping[str, Any]) -> None:
        tbl, pk, row = change["tbl"], change["pk"], change.get("row")
        if change["op"] == "del":
            self._delete(tbl, pk)
        elif row is not None and tbl in _PUT:
            _PUT[tbl](self, row)

    def _delete(self, tbl: str, pk: str) -> None:
        if tbl == "queue_rules":
            song_id, _, kind = pk.partition("/")
            self._db.conn.execute("delete from queue_rules where song_id = ? and kind = ?", (song_id, kind))
        elif tbl == "sessions":
            self._db.conn.execute("update sessions set status = 'inactive' where id = ?", (pk,))
        elif tbl in _KEYS:
            sql = f"delete from {tbl} where {_KEYS[tbl]} = ?"  # noqa: S608 - both names are constants above
            self._db.conn.execute(sql, (pk,))

    def _forget_missing(self, tbl: str, key: str, wanted: set[str]) -> None:
        mine = self._ours(tbl)
        known = self._db.rows(f"select {key} as pk from {tbl}")  # noqa: S608 - constants
        for row in known:
            if row["pk"] not in wanted and row["pk"] not in mine:
                self._delete(tbl, row["pk"])

    def _ours(self, tbl: str) -> set[str]:
        """Rows born here whose birth the cloud has not answered yet, and stays that only we watch."""
        field = {"profiles": "profile_id", "tags": "key_hash", "sessions": "session_id"}.get(tbl)
        if field is None:
            return set()
        bodies = (json.loads(row[0]) for row in self._db.rows("select body from outbox"))
        return {str(body[field]) for body in bodies if field in body}

    def _put_song(self, row: Mapping[str, Any]) -> None:
        values = [row.get(column) for column in _SONG_COLUMNS]
        values[_SONG_COLUMNS.index("embedding")] = json.dumps(row["embedding"]) if row.get("embedding") else None
        values[_SONG_COLUMNS.index("embedding_source")] = row.get("embedding_source") or "neutral"
        before = self._db.row("select sha256 from songs where id = ?", row["id"])
        names = ", ".join(_SONG_COLUMNS)
        updates = ", ".join(f"{column} = excluded.{column}" for column in _SONG_COLUMNS)
        marks = ", ".join("?" * (len(_SONG_COLUMNS) + 1))
        sql = f"insert into songs (id, {names}) values ({marks}) on conflict (id) do update set {updates}"  # noqa: S608
        self._db.conn.execute(sql, (row["id"], *values))
        if before is not None and before["sha256"] != row.get("sha256"):
            self._db.conn.execute(
                "update songs set media_path = null, pcm_path = null, prepare_error = null where id = ?",
                (row["id"],),
            )

    def _put_library(self, row: Mapping[str, Any]) -> None:
        self._db.conn.execute("insert or ignore into player_library values (?)", (row["song_id"],))

    def _put_profile(self, row: Mapping[str, Any]) -> None:
        self._db.conn.execute(
            "insert into profiles (id, display_name, preference_vector, taste_state, taste_rev) "
            "values (?, ?, ?, ?, ?) on conflict (id) do update set display_name = excluded.display_name, "
            "preference_vector = excluded.preference_vector, taste_state = excluded.taste_state, "
            "taste_rev = excluded.taste_rev",
            (row["id"], row["display_name"], json.dumps(row["preference_vector"]),
             json.dumps(row["taste_state"]) if row.get("taste_state") else None, row.get("taste_rev", 0)),
        )  # fmt: skip

    def _put_tag(self, row: Mapping[str, Any]) -> None:
        self._db.conn.execute(
            "insert or replace into tags (key_hash, key_version, profile_id) values (?, ?, ?)",
            (row["key_hash"], row.get("key_version", 1), row["profile_id"]),
        )

    def _put_session(self, row: Mapping[str, Any]) -> None:
        """A stay from a phone. Ours come back this way too: those we keep as we know them."""
        if self._db.row("select 1 from taps where session_id = ? limit 1", row["id"]) and row["status"] == "active":
            return
        left_s = row["expires_at"] - self._clock.wall_s()
        now_ms = boot_ms(self._clock)
        self._db.conn.execute(
            "insert into sessions (id, user_id, status, boot_id, checked_in_ms, expires_ms, checked_in_at, expires_at) "
            "values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (id) do update set status = excluded.status, "
            "boot_id = excluded.boot_id, expires_ms = excluded.expires_ms, expires_at = excluded.expires_at",
            (row["id"], row["user_id"], row["status"], self._clock.boot_id, now_ms,
             now_ms + round(left_s * 1000), row["checked_in_at"], row["expires_at"]),
        )  # fmt: skip

    def _put_rule(self, row: Mapping[str, Any]) -> None:
        self._db.conn.execute(
            "insert or replace into queue_rules (song_id, kind, place, until_s) values (?, ?, ?, ?)",
            (row["song_id"], row["kind"], row.get("place"), row.get("until_s")),
        )

    def _put_setting(self, row: Mapping[str, Any]) -> None:
        self._db.conn.execute(
            "insert or replace into settings (key, value) values (?, ?)",
            (row["key"], json.dumps(row.get("value"))),
        )

    def _put_held_vote(self, row: Mapping[str, Any]) -> None:
        self._db.conn.execute(
            "insert or replace into held_votes (vote_id, song_id, vote_time) values (?, ?, ?)",
            (row["vote_id"], row["song_id"], row["vote_time"]),
        )

    def _set_cursor(self, epoch: str, rev: int) -> None:
        self._db.conn.execute(
            "insert or replace into sync_state values ('cursor', ?)",
            (json.dumps({"epoch": epoch, "rev": rev}),),
        )


_PUT = {
    "songs": Bucket._put_song,
    "player_library": Bucket._put_library,
    "profiles": Bucket._put_profile,
    "tags": Bucket._put_tag,
    "sessions": Bucket._put_session,
    "queue_rules": Bucket._put_rule,
    "settings": Bucket._put_setting,
    "held_votes": Bucket._put_held_vote,
}
