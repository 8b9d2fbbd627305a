"""Staff's rules as they are stored: until when one holds goes by boot time, whatever is done to the wall clock."""

from __future__ import annotations

import sqlite3

from appliance.clock import Clock
from appliance.model import LOCAL, Rule
from appliance.store.database import Database
from appliance.store.outbox import boot_ms
from mixer.scene import SongId

# Of a file that is only here the cloud knows nothing.
_UNNAMED = (
    "from queue_rules r left join songs s on s.id = r.song_id where coalesce(s.file_url, '') not like ? and not exists "
    "(select 1 from bucket_rows b where b.tbl = 'queue_rules' and b.pk = r.song_id || '/' || r.kind)"
)
_PK = f"select r.song_id || '/' || r.kind as pk {_UNNAMED}"
_UNSURE = f"select r.song_id, r.kind {_UNNAMED} and r.until_ms is not null and r.boot_id <> ?"


class Rules:
    """`until_s` of a value is what the wall clock says now; writes are the caller's transaction's."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def put(self, rule: Rule) -> None:
        until_ms = None
        if rule.until_s is not None:
            until_ms = boot_ms(self._clock) + round((rule.until_s - self._clock.wall_s()) * 1000)
        self._db.conn.execute(
            "insert or replace into queue_rules (song_id, kind, place, until_s, boot_id, until_ms) "
            "values (?, ?, ?, ?, ?, ?)",
            (rule.song_id, rule.kind, rule.place, rule.until_s, self._clock.boot_id, until_ms),
        )

    def find(self, song_id: str, kind: str) -> Rule | None:
        row = self._db.row("select * from queue_rules where song_id = ? and kind = ?", song_id, kind)
        return None if row is None else self.read(row)

    def unnamed(self) -> list[str]:
        """The keys, as in the bucket, of rules that the cloud has not told us of."""
        return [row["pk"] for row in self._db.rows(_PK, f"{LOCAL}%")]

    def drop_unsure(self) -> None:
        """Forget rules of an earlier boot that end at a moment no clock of ours tells surely, where the cloud, asked
        just now, has no such rule: there it has ended."""
        unsure = self._db.rows(_UNSURE, f"{LOCAL}%", self._clock.boot_id)
        if unsure:
            with self._db.write(durable=False) as conn:
                conn.executemany("delete from queue_rules where song_id = ? and kind = ?", list(map(tuple, unsure)))

    def read(self, row: sqlite3.Row) -> Rule:
        """What was written in an earlier boot can only be told by the wall clock."""
        until_s = row["until_s"]
        if row["until_ms"] is not None and row["boot_id"] == self._clock.boot_id:
            until_s = self._clock.wall_s() + (row["until_ms"] - boot_ms(self._clock)) / 1000
        return Rule(SongId(row["song_id"]), row["kind"], row["place"], until_s)
