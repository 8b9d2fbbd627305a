"""Our copy of the cloud's bucket for this room: rows come in with their cursor, in one transaction."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from appliance.clock import Clock
from appliance.model import OutboxOp, Rule
from appliance.store.conflicts import Conflicts
from appliance.store.database import Database
from appliance.store.merges import Merges
from appliance.store.outbox import Outbox, boot_ms
from appliance.store.rules import Rules
from mixer.scene import SongId

log = logging.getLogger(__name__)

# Which columns of ours a pulled row fills; a song's local paths are ours alone.
_SONG_COLUMNS = (
    "title", "artist", "type", "file_url", "embedding", "embedding_source", "duration", "bpm", "sha256",
    "byte_size", "loudness_lufs", "true_peak_dbtp", "loop_start", "loop_end", "loop_law", "loop_xfade_s", "key",
)  # fmt: skip
# A file that is another one than we hold has to come again.
_PUT_SONG = f"""
    insert into songs (id, {", ".join(_SONG_COLUMNS)}) values (?, {", ".join("?" * len(_SONG_COLUMNS))})
    on conflict (id) do update set {", ".join(f"{column} = excluded.{column}" for column in _SONG_COLUMNS)},
        media_path = case when sha256 is excluded.sha256 then media_path end,
        pcm_path = case when sha256 is excluded.sha256 then pcm_path end,
        prepare_error = case when sha256 is excluded.sha256 then prepare_error end
"""  # noqa: S608 - our own names

DISTRUST_EVERY_MS = 600_000
_WRAP = 2**64
_Name = tuple[str, str]  # (tbl, pk)
_Counted = tuple[int, int]  # (digest, generation)
_NO_GENERATION = -1
_AT_ONCE = 500  # values in one question
_KEYS = {
    "songs": "id",
    "player_library": "song_id",
    "profiles": "id",
    "tags": "key_hash",
    "sessions": "id",
    "settings": "key",
    "held_votes": "vote_id",
}


@dataclass(frozen=True, slots=True)
class BucketChange:
    """One row of the bucket as it arrived.

    row: what to store; None removes it (`op="del"`) or, for a row that could not be read, leaves ours as it is.
    digest: its part of the bucket's digest, 0 … 2⁶⁴−1; 0 for a removal.
    """

    tbl: str
    pk: str
    op: Literal["put", "del"]
    row: Mapping[str, Any] | None = None
    digest: int = 0


@dataclass(frozen=True, slots=True)
class Cursor:
    """Up to where we hold the cloud's rows, and the sum of their digests.

    generation: counts the resets; rows of an older one are gone from the cloud.
    stood_epoch, stood_rev: where we stood last; kept while `epoch` and `rev` are forgotten to ask for everything.
    distrusted_ms: boot clock, of boot `distrusted_boot`, when our rows were last found to differ.
    """

    epoch: str = ""
    rev: int = 0
    digest: int = 0
    generation: int = 0
    distrusted_boot: str = ""
    distrusted_ms: int = 0
    stood_epoch: str = ""
    stood_rev: int = 0

    def at(self, epoch: str, rev: int) -> Cursor:
        return replace(self, epoch=epoch, rev=rev, stood_epoch=epoch, stood_rev=rev)

    def nowhere(self) -> Cursor:
        return replace(self, epoch="", rev=0)

    def precedes(self, epoch: str, rev: int) -> bool:
        """Is that a place which a cloud that never lost anything can have come to from where we stood?"""
        return not self.stood_epoch or (self.stood_epoch == epoch and self.stood_rev <= rev)


class Bucket:
    """Applies pulled changes. Applying one twice is harmless; what we are about to change is left alone."""

    def __init__(self, db: Database, clock: Clock, outbox: Outbox) -> None:
        self._db = db
        self._clock = clock
        self._outbox = outbox
        self._merges = Merges(db)
        self._rules = Rules(db, clock)

    def cursor(self) -> Cursor:
        value = self._db.value("select value from sync_state where key = 'cursor'")
        return Cursor() if value is None else Cursor(**json.loads(str(value)))

    def apply(self, changes: Iterable[BucketChange], *, epoch: str, rev: int) -> None:
        """Take a page of changes and move the cursor, or do neither."""
        with self._db.write(durable=False):
            cursor = self._take(changes, self.cursor())
            self._set_cursor(cursor.at(epoch, rev))

    def begin_reset(self, *, epoch: str, rev: int, restored_at: int | None = None, seen: int = 0) -> int:
        """The whole bucket comes, page by page: forget the cursor, and begin to tell new rows from old.

        epoch, rev: where the cloud stands. Unless that follows from where we stood, or when it says so, it was
        restored from a backup, and what it took goes again; how many facts that were.
        restored_at: how many of our ops it knows, if it says that it was. seen: how many it knew when it answered.
        """
        with self._db.write(durable=False):
            cursor = self.cursor()
            restored = restored_at is not None or not cursor.precedes(epoch, rev)
            again = self._outbox.send_again(restored_at or 0) if restored else 0
            self._name_our_rules(cursor.generation)
            if not restored and seen >= self._outbox.heard():  # else it answered before it had answered for one of them
                self._name_our_stays(cursor.generation)
            self._set_cursor(replace(cursor.nowhere(), generation=cursor.generation + 1))
        return again

    def _name_our_rules(self, generation: int) -> None:
        """A rule that was lifted in the cloud before it came back to us goes with the others that no page names."""
        self._db.conn.executemany(
            "insert into bucket_rows (tbl, pk, digest, generation) values ('queue_rules', ?, 0, ?)",
            [(pk, generation) for pk in self._rules.unnamed()],
        )

    def _name_our_stays(self, generation: int) -> None:
        """The same of a stay that began here and of which the cloud has heard: it would last for its whole hour."""
        conflicts = Conflicts(self._db, self._clock)
        unnamed = self._db.rows(
            "select id from sessions where status = 'active' and id in (select session_id from taps) "
            "and id not in (select pk from bucket_rows where tbl = 'sessions')"
        )
        self._db.conn.executemany(
            "insert into bucket_rows (tbl, pk, digest, generation) values ('sessions', ?, 0, ?)",
            [(row["id"], generation) for row in unnamed if not conflicts.is_unsent("sessions", row["id"])],
        )

    def take_reset_page(self, changes: Iterable[BucketChange]) -> None:
        """Take one page of it, in a transaction short enough that nobody's tap waits."""
        with self._db.write(durable=False):
            self._set_cursor(self._take(changes, self.cursor()))

    def finish_reset(self, *, epoch: str, rev: int) -> None:
        """All pages are here: what they did not name is gone, except what only we know; the cursor moves."""
        with self._db.write(durable=False):
            cursor = self.cursor()
            stale = self._db.rows("select tbl, pk from bucket_rows where generation <> ?", cursor.generation)
            gone = [BucketChange(row["tbl"], row["pk"], "del") for row in stale]
            self._set_cursor(self._take(gone, cursor).at(epoch, rev))
            self._forget_our_names(cursor.generation)

    def _forget_our_names(self, generation: int) -> None:
        """What we named and had to leave, as an op of ours is about to change it, the cloud has not told us of."""
        self._db.conn.execute("delete from bucket_rows where generation <> ? and digest = 0", (generation,))

    def replace(self, changes: Iterable[BucketChange], *, epoch: str, rev: int) -> None:
        """Take a whole bucket that fits one transaction."""
        with self._db.write(durable=False):
            self.begin_reset(epoch=epoch, rev=rev)
            self.take_reset_page(changes)
            self.finish_reset(epoch=epoch, rev=rev)

    def forget_cursor(self) -> None:
        """Ask for the whole bucket next time."""
        with self._db.write(durable=False):
            self._set_cursor(self.cursor().nowhere())

    def unmake(self, op: OutboxOp) -> None:
        """What this op, which has been answered, made of our rows does not stand: the cloud's come again, all of them.

        A rule goes at once: of one that was lifted there the cloud has no row to tell us.
        """
        with self._db.write(durable=False):
            if op.type == "rule":
                pk = f"{op.body['song_id']}/{op.body['kind']}"
                if not Conflicts(self._db, self._clock).is_unsent("queue_rules", pk):
                    self._delete("queue_rules", pk)
            self.forget_cursor()

    def distrust(self) -> bool:
        """Our rows differ from the cloud's: forget the cursor; False when we did so a short while ago.

        Should the two sides never agree, a room on a mobile link must not read the whole bucket for ever.
        """
        cursor, now_ms = self.cursor(), boot_ms(self._clock)
        if cursor.distrusted_boot == self._clock.boot_id and now_ms - cursor.distrusted_ms < DISTRUST_EVERY_MS:
            return False
        with self._db.write(durable=False):
            self._set_cursor(replace(cursor.nowhere(), distrusted_boot=self._clock.boot_id, distrusted_ms=now_ms))
        return True

    def settled(self) -> bool:
        """No op is on its way that changes a row of the bucket: both sides must now be equal."""
        if Conflicts(self._db, self._clock).any():
            return False
        self._rules.drop_unsure()
        return True

    def _take(self, changes: Iterable[BucketChange], cursor: Cursor) -> Cursor:
        """A row that we are about to change stays ours, and uncounted: should the cloud's word on it stand
        after all, the digests differ and the bucket comes again."""
        conflicts = Conflicts(self._db, self._clock)
        changes = list(changes)
        counted = self._counted(changes)
        step = 0
        for change in changes:
            if conflicts.ours_stands(change.tbl, change.pk, change.op, change.row):
                continue
            step += self._count(change, counted, cursor.generation)
            if change.op == "del":
                self._delete(change.tbl, change.pk)
            elif change.row is not None and change.tbl in _PUT:
                self._put(change.tbl, change.pk, change.row)
        return replace(cursor, digest=(cursor.digest + step) % _WRAP)

    def _put(self, tbl: str, pk: str, row: Mapping[str, Any]) -> None:
        """A row that the database refuses (a number beyond 64 bits) is left out; it must not hold up the rest."""
        try:
            _PUT[tbl](self, row)
        except (sqlite3.IntegrityError, OverflowError) as error:
            log.warning("the cloud's row %s of %s cannot be stored: %s", pk, tbl, error)

    def _count(self, change: BucketChange, counted: dict[_Name, _Counted], generation: int) -> int:
        """By how much the sum of digests changes: what the row counted for goes, what it counts for now comes."""
        conn, name = self._db.conn, (change.tbl, change.pk)
        gone, known = counted.pop(name, (0, _NO_GENERATION))
        if change.op == "del":
            conn.execute("delete from bucket_rows where tbl = ? and pk = ?", name)
            return -gone
        digest = _signed(change.digest)
        if known == generation:  # who names the generation writes its index, too
            conn.execute("update bucket_rows set digest = ? where tbl = ? and pk = ?", (digest, *name))
        else:
            conn.execute("insert or replace into bucket_rows values (?, ?, ?, ?)", (*name, digest, generation))
        counted[name] = change.digest, generation
        return change.digest - gone

    def _counted(self, changes: Sequence[BucketChange]) -> dict[_Name, _Counted]:
        """What those of these rows that are here count for."""
        names: defaultdict[str, list[str]] = defaultdict(list)
        for change in changes:
            names[change.tbl].append(change.pk)
        counted: dict[_Name, _Counted] = {}
        for tbl, pks in names.items():
            for start in range(0, len(pks), _AT_ONCE):
                some = pks[start : start + _AT_ONCE]
                marks = ", ".join("?" * len(some))
                sql = f"select pk, digest, generation from bucket_rows where tbl = ? and pk in ({marks})"  # noqa: S608 - marks
                rows = self._db.rows(sql, tbl, *some)
                counted |= {(tbl, row["pk"]): (row["digest"], row["generation"]) for row in rows}
        return counted

    def _delete(self, tbl: str, pk: str) -> None:
        if tbl == "queue_rules":
            song_id, _, kind = pk.partition("/")
            self._db.conn.execute("delete from queue_rules where song_id = ? and kind = ?", (song_id, kind))
        elif tbl == "sessions":
            self._db.conn.execute("update sessions set status = 'inactive' where id = ?", (pk,))
        elif tbl == "merges":
            self._merges.part(pk)
        elif tbl in _KEYS:
            sql = f"delete from {tbl} where {_KEYS[tbl]} = ?"  # noqa: S608 - both names are constants above
            self._db.conn.execute(sql, (pk,))
            if tbl == "profiles":
                self._forget_deeds(pk)

    def _forget_deeds(self, profile_id: str) -> None:
        """They left, or were forgotten at another box: what they did here is the cloud's to know, once it does. That
        somebody tapped stays; merged ones have handed theirs over before."""
        conn = self._db.conn
        unsent = "not in (select op_id from outbox)"
        conn.execute(f"delete from votes where user_id = ? and op_id {unsent}", (profile_id,))  # noqa: S608 - our own
        conn.execute(f"update taps set profile_id = null where profile_id = ? and op_id {unsent}", (profile_id,))  # noqa: S608
        conn.execute("delete from sessions where user_id = ? and status <> 'active'", (profile_id,))

    def _put_song(self, row: Mapping[str, Any]) -> None:
        values = [row.get(column) for column in _SONG_COLUMNS]
        values[_SONG_COLUMNS.index("embedding")] = json.dumps(row["embedding"]) if row.get("embedding") else None
        values[_SONG_COLUMNS.index("embedding_source")] = row.get("embedding_source") or "neutral"
        self._db.conn.execute(_PUT_SONG, (row["id"], *values))

    def _put_library(self, row: Mapping[str, Any]) -> None:
        self._db.conn.execute("insert or ignore into player_library values (?)", (row["song_id"],))

    def _put_merge(self, row: Mapping[str, Any]) -> None:
        self._merges.join(row["profile_id"], row["into_id"])

    def _put_profile(self, row: Mapping[str, Any]) -> None:
        """Whoever comes as a row of their own is nobody's part, whatever we thought."""
        self._merges.part(row["id"])
        self._db.conn.execute(
            "insert into profiles (id, display_name, preference_vector, taste_state, taste_rev) "
            "values (?, ?, ?, ?, ?) on conflict (id) do update set display_name = excluded.display_name, "
            "preference_vector = excluded.preference_vector, taste_state = excluded.taste_state, "
            "taste_rev = excluded.taste_rev",
            (row["id"], row["display_name"], json.dumps(row["preference_vector"]), _briefly(row.get("taste_state")),
             row.get("taste_rev", 0)),
        )  # fmt: skip

    def _put_tag(self, row: Mapping[str, Any]) -> None:
        """A card's counter never falls: ours may be ahead of what the cloud has heard."""
        self._db.conn.execute(
            "insert into tags (key_hash, key_version, profile_id, counter) values (?, ?, ?, ?) on conflict (key_hash) "
            "do update set key_version = excluded.key_version, profile_id = excluded.profile_id, "
            "counter = coalesce(max(counter, excluded.counter), counter, excluded.counter)",
            (row["key_hash"], row.get("key_version", 1), self._merges.resolve(row["profile_id"]), row.get("counter")),
        )

    def _put_session(self, row: Mapping[str, Any]) -> None:
        """A stay from a phone. Ours come back this way too: those we keep as we know them."""
        user_id = self._merges.resolve(row["user_id"])
        if self._db.row("select 1 from taps where session_id = ? limit 1", row["id"]) and row["status"] == "active":
            self._db.conn.execute("update sessions set user_id = ? where id = ?", (user_id, row["id"]))
            return
        now_s, now_ms = self._clock.wall_s(), boot_ms(self._clock)
        ago_s = max(now_s - row["checked_in_at"], 0)
        left_s = min(row["expires_at"] - now_s, row["expires_at"] - row["checked_in_at"])  # our clock may be behind
        self._db.conn.execute(
            "insert into sessions (id, user_id, status, boot_id, checked_in_ms, expires_ms, checked_in_at, expires_at) "
            "values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (id) do update set user_id = excluded.user_id, "
            "status = excluded.status, boot_id = excluded.boot_id, checked_in_ms = excluded.checked_in_ms, "
            "expires_ms = excluded.expires_ms, expires_at = excluded.expires_at",
            (row["id"], user_id, row["status"], self._clock.boot_id, now_ms - round(ago_s * 1000),
             now_ms + round(left_s * 1000), row["checked_in_at"], row["expires_at"]),
        )  # fmt: skip

    def _put_rule(self, row: Mapping[str, Any]) -> None:
        self._rules.put(Rule(SongId(row["song_id"]), row["kind"], row.get("place"), row.get("until_s")))

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

    def _set_cursor(self, cursor: Cursor) -> None:
        self._db.conn.execute("insert or replace into sync_state values ('cursor', ?)", (json.dumps(asdict(cursor)),))


def _briefly(taste_state: Mapping[str, Any] | None) -> str | None:
    """Numbers to ten digits: with all seventeen a listener fills more than a page, and each vote writes three."""
    if not taste_state:
        return None
    short = {
        key: [float(f"{item:.10g}") if isinstance(item, float) else item for item in value]
        if isinstance(value, list)
        else value
        for key, value in taste_state.items()
    }
    return json.dumps(short, separators=(",", ":"))


def _signed(digest: int) -> int:
    """SQLite's integers are signed; modulo 2⁶⁴ it is the same number."""
    return digest - _WRAP if digest >= _WRAP // 2 else digest


_PUT = {
    "songs": Bucket._put_song,
    "player_library": Bucket._put_library,
    "merges": Bucket._put_merge,
    "profiles": Bucket._put_profile,
    "tags": Bucket._put_tag,
    "sessions": Bucket._put_session,
    "queue_rules": Bucket._put_rule,
    "settings": Bucket._put_setting,
    "held_votes": Bucket._put_held_vote,
}
