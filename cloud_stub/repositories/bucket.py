"""What a box may hold: the views of its bucket over the tables, and how the change log follows them.

Writers call `touch` with the row they changed; it looks the row up as this room sees it and notes the difference.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cloud_stub.database import Row, Tx
from cloud_stub.moments import seconds_or_none, to_seconds
from cloud_stub.repositories import changes
from sync.wire import BUCKET_ROWS

_IN_LIBRARY = (
    "s.deleted_at is null and (exists (select 1 from player_library l where l.player_id = ? and l.song_id = s.id) "
    "or not exists (select 1 from player_library l where l.player_id = ?))"
)
_TASTE = 'p.id, p.display_name, p.preference_vector, p.taste_rev, t.mean, t."precision", t.votes'
# The refresh marks passed stays, so 'active' is enough here and the view does not move by itself.
_KNOWN_HERE = (
    "p.merged_into is null and (exists (select 1 from tags t where t.profile_id = p.id) or exists "
    "(select 1 from sessions s where s.user_id = p.id and s.player_id = ? and s.status = 'active'))"
)


@dataclass(frozen=True, slots=True)
class View:
    """One table as a room sees it. `players` is how often the SQL asks for the player's id."""

    sql: str
    key: str
    players: int
    fields: Callable[[Row], dict[str, Any]]

    def rows(self, tx: Tx, player_id: str, pk: str | None = None) -> list[Row]:
        args: list[object] = [player_id] * self.players
        if pk is None:
            return tx.all(self.sql, *args)
        return tx.all(f"{self.sql} and {self.key} = ?", *args, pk)


def touch(tx: Tx, player_id: str, tbl: str, pk: str, now_s: float) -> None:
    """Bring one row of one room's log up to date."""
    found = VIEWS[tbl].rows(tx, player_id, pk)
    changes.record(tx, [player_id], tbl, pk, _wire_row(tbl, found[0]) if found else None, now_s)


def touch_everywhere(tx: Tx, tbl: str, pk: str, now_s: float) -> set[str]:
    """The same for every room, of a row that looks the same to all; returns the players that see a difference."""
    seers = {row["id"] for row in tx.all(SEERS[tbl], pk)}
    news = changes.record(tx, changes.holders(tx, tbl, pk) - seers, tbl, pk, None, now_s)
    if seers:
        row = VIEWS[tbl].rows(tx, next(iter(seers)), pk)[0]
        news |= changes.record(tx, seers, tbl, pk, _wire_row(tbl, row), now_s)
    return news


def rebuild(tx: Tx, player_id: str, now_s: float, tables: tuple[str, ...] | None = None) -> None:
    """Bring whole tables of the log up to date: for a new player, or when a library changed its nature."""
    for tbl in tables or tuple(VIEWS):
        rows = {str(row["pk"]): _wire_row(tbl, row) for row in VIEWS[tbl].rows(tx, player_id)}
        changes.record_table(tx, player_id, tbl, rows, now_s)


def rule_pk(song_id: str, kind: str) -> str:
    return f"{song_id}/{kind}"


def _wire_row(tbl: str, row: Row) -> dict[str, Any]:
    """The row as it travels, checked by the wire's own model."""
    return BUCKET_ROWS[tbl].model_validate(VIEWS[tbl].fields(row)).model_dump(mode="json")


def _song(row: Row) -> dict[str, Any]:
    return {**row, "embedding": json.loads(row["embedding"]) if row["embedding"] else None}


def _profile(row: Row) -> dict[str, Any]:
    vector = json.loads(row["preference_vector"])
    state = None
    if row["mean"] is not None:
        state = {
            "preference_vector": vector,
            "mean": json.loads(row["mean"]),
            "precision": json.loads(row["precision"]),
            "votes": row["votes"],
        }
    return {**row, "preference_vector": vector, "taste_state": state}


def _session(row: Row) -> dict[str, Any]:
    times = {"checked_in_at": to_seconds(row["checked_in_at"]), "expires_at": to_seconds(row["expires_at"])}
    return {**row, **times}


def _rule(row: Row) -> dict[str, Any]:
    return {**row, "until_s": seconds_or_none(row["until"])}


def _setting(row: Row) -> dict[str, Any]:
    return {**row, "value": json.loads(row["value"])}


def _held_vote(row: Row) -> dict[str, Any]:
    return {**row, "vote_time": to_seconds(row["vote_time"])}


VIEWS: dict[str, View] = {
    "songs": View(
        f"select s.id as pk, s.* from songs s where {_IN_LIBRARY}",  # noqa: S608 - our own constant
        "s.id",
        2,
        _song,
    ),
    "player_library": View(
        "select l.song_id as pk, l.song_id from player_library l join songs s on s.id = l.song_id "
        "where l.player_id = ? and s.deleted_at is null",
        "l.song_id",
        1,
        dict,
    ),
    "profiles": View(
        f"select p.id as pk, {_TASTE} from profiles p "  # noqa: S608 - our own constants
        f"left join taste_state t on t.profile_id = p.id where {_KNOWN_HERE}",
        "p.id",
        1,
        _profile,
    ),
    "merges": View(
        "select p.id as pk, p.id as profile_id, p.merged_into as into_id from profiles p "
        "where p.merged_into is not null",
        "p.id",
        0,
        dict,
    ),
    "tags": View(
        "select t.key_hash as pk, t.key_hash, t.key_version, t.profile_id, t.counter from tags t where 1 = 1",
        "t.key_hash",
        0,
        dict,
    ),
    "sessions": View(
        "select s.id as pk, s.id, s.user_id, s.checked_in_at, s.expires_at, s.status from sessions s "
        "where s.player_id = ? and s.status = 'active'",
        "s.id",
        1,
        _session,
    ),
    "queue_rules": View(
        "select r.song_id || '/' || r.kind as pk, r.song_id, r.kind, r.place, r.until from queue_rules r "
        "where r.player_id = ?",
        "r.song_id || '/' || r.kind",
        1,
        _rule,
    ),
    "settings": View("select s.key as pk, s.key, s.value from settings s where s.player_id = ?", "s.key", 1, _setting),
    "held_votes": View(
        "select h.vote_id as pk, h.vote_id, h.song_id, h.vote_time from held_votes h where h.player_id = ?",
        "h.vote_id",
        1,
        _held_vote,
    ),
}

# Which rooms see a row of those tables that look the same to all that see it.
SEERS: dict[str, str] = {
    "songs": (
        "select r.id from players r, songs s where s.id = ? and s.deleted_at is null and (exists "
        "(select 1 from player_library l where l.player_id = r.id and l.song_id = s.id) "
        "or not exists (select 1 from player_library l where l.player_id = r.id))"
    ),
    "profiles": (
        "select r.id from players r, profiles p where p.id = ? and p.merged_into is null and (exists "
        "(select 1 from tags t where t.profile_id = p.id) or exists (select 1 from sessions s "
        "where s.user_id = p.id and s.player_id = r.id and s.status = 'active'))"
    ),
    "merges": "select r.id from players r, profiles p where p.id = ? and p.merged_into is not null",
    "tags": "select r.id from players r, tags t where t.key_hash = ?",
}
