"""What a box may hold: the views of its bucket over the tables, and how the change log follows them.

Writers call `touch` with the row they changed. When the transaction ends, each touched row is looked up once as its
rooms see it, and the difference is noted.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloud_stub.database import Asked, Row, Tx, marks
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
    """One table as a room sees it: what of a row, and which rows. `players` is how often `where` asks for the room."""

    select: str
    where: str
    key: str
    players: int
    fields: Callable[[Row], dict[str, Any]]

    def of_room(self, tx: Tx, player_id: str) -> Asked[dict[str, Row]]:
        """All that the room sees of it, by primary key."""
        return tx.ask(_by_key, f"{self.select} where {self.where}", *[player_id] * self.players)

    def rows(self, tx: Tx, player_id: str, pks: Sequence[str]) -> Asked[dict[str, Row]]:
        """What the room sees of these rows."""
        sql = f"{self.select} where {self.where} and {self.key} in ({marks(pks)})"
        return tx.ask(_by_key, sql, *[player_id] * self.players, *pks)

    def row(self, tx: Tx, pk: str) -> Asked[dict[str, Row]]:
        """The row, whoever sees it."""
        return tx.ask(_by_key, f"{self.select} where {self.key} = ?", pk)


def _by_key(rows: list[Row]) -> dict[str, Row]:
    return {str(row["pk"]): row for row in rows}


def touch(tx: Tx, player_id: str, tbl: str, pk: str, now_s: float, row: Row | None = None) -> None:
    """One row of one room's log is to be brought up to date. `row`: as the room sees it now, from a writer that has all
    of it in hand; until somebody touches it again it is not looked up."""
    if row is None:
        tx.in_hand.pop((player_id, tbl, pk), None)
    else:
        tx.in_hand[player_id, tbl, pk] = row
    rooms = tx.unlogged.setdefault((tbl, pk), set())
    if rooms is not None:
        rooms.add(player_id)
    tx.ending["log"] = lambda tx: _log(tx, now_s)


def touch_everywhere(tx: Tx, tbl: str, pk: str, now_s: float) -> None:
    """The same for every room, of a row that looks the same to all that see it."""
    tx.unlogged[tbl, pk] = None
    tx.ending["log"] = lambda tx: _log(tx, now_s)


def settle(tx: Tx, now_s: float) -> dict[tuple[str, str], set[str]]:
    """Bring the logs up to date now rather than at the end; (tbl, pk) → the rooms to which it was news."""
    touched, tx.unlogged = tx.unlogged, {}
    alone: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    asked: list[_Answers] = []  # all questions before the first answer
    for (tbl, pk), rooms in touched.items():
        if rooms is None:
            asked.append(_everywhere(tx, tbl, pk))
        for player_id in rooms or ():
            alone[player_id][tbl].append(pk)
    for player_id, tables in alone.items():
        asked.append(_in_room(tx, player_id, tables))
    entries: list[changes.Entry] = []
    counters: dict[str, tuple[int, str]] = {}
    for answers in asked:
        some, theirs = answers()
        entries += some
        counters |= theirs
    return changes.record(tx, entries, counters, now_s)


def rebuild(tx: Tx, player_id: str, now_s: float, tables: tuple[str, ...] | None = None) -> None:
    """Bring whole tables of the log up to date: for a new player, or when a library changed its nature."""
    for tbl in tables or tuple(VIEWS):
        rows = VIEWS[tbl].of_room(tx, player_id).get()
        known, counters = changes.known_of_table(tx, player_id, tbl), changes.counters(tx, player_id).get()
        entries = [
            changes.Entry(player_id, _word(tbl, pk, rows.get(pk)), known.get(pk))
            for pk in [*(known.keys() - rows.keys()), *rows]
        ]
        changes.record(tx, entries, counters, now_s)


def rule_pk(song_id: str, kind: str) -> str:
    return f"{song_id}/{kind}"


def _log(tx: Tx, now_s: float) -> None:
    settle(tx, now_s)


_Answers = Callable[[], tuple[list[changes.Entry], changes.Counters]]


def _everywhere(tx: Tx, tbl: str, pk: str) -> _Answers:
    """Asks; what comes back looks at the answers."""
    asked_known, asked_row = changes.known_and_seers(tx, tbl, pk, SEERS[tbl]), VIEWS[tbl].row(tx, pk)

    def answers() -> tuple[list[changes.Entry], changes.Counters]:
        (known, seers), row = asked_known.get(), asked_row.get().get(pk)
        gone = _word(tbl, pk, None)
        there = _word(tbl, pk, row) if seers else gone
        entries = [
            changes.Entry(player_id, there if player_id in seers else gone, known.get(player_id))
            for player_id in seers.keys() | known.keys()
        ]
        return entries, {**changes.counters_in(known.values()), **seers}

    return answers


def _in_room(tx: Tx, player_id: str, tables: Mapping[str, Sequence[str]]) -> _Answers:
    """Asks; what comes back looks at the answers."""
    keys = [(tbl, pk) for tbl, pks in tables.items() for pk in pks]
    asked_known = changes.known_in_room(tx, player_id, keys)
    found = {(tbl, pk): row for tbl, pk in keys if (row := tx.in_hand.pop((player_id, tbl, pk), None)) is not None}
    wanted = {tbl: [pk for pk in pks if (tbl, pk) not in found] for tbl, pks in tables.items()}
    asked_rows = {tbl: VIEWS[tbl].rows(tx, player_id, pks) for tbl, pks in wanted.items() if pks}

    def answers() -> tuple[list[changes.Entry], changes.Counters]:
        known, counters = asked_known.get()
        rows = found | {(tbl, pk): row for tbl, asked in asked_rows.items() for pk, row in asked.get().items()}
        entries = [
            changes.Entry(player_id, _word(tbl, pk, rows.get((tbl, pk))), known.get((tbl, pk))) for tbl, pk in keys
        ]
        return entries, counters

    return answers


def _word(tbl: str, pk: str, row: Row | None) -> changes.Word:
    return changes.Word.of(tbl, pk, None if row is None else _wire_row(tbl, row))


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
    "songs": View("select s.id as pk, s.* from songs s", _IN_LIBRARY, "s.id", 2, _song),
    "player_library": View(
        "select l.song_id as pk, l.song_id from player_library l join songs s on s.id = l.song_id",
        "l.player_id = ? and s.deleted_at is null",
        "l.song_id",
        1,
        dict,
    ),
    "profiles": View(
        f"select p.id as pk, {_TASTE} from profiles p left join taste_state t on t.profile_id = p.id",  # noqa: S608
        _KNOWN_HERE,
        "p.id",
        1,
        _profile,
    ),
    "merges": View(
        "select p.id as pk, p.id as profile_id, p.merged_into as into_id from profiles p",
        "p.merged_into is not null",
        "p.id",
        0,
        dict,
    ),
    "tags": View(
        "select t.key_hash as pk, t.key_hash, t.key_version, t.profile_id, t.counter from tags t",
        "1 = 1",
        "t.key_hash",
        0,
        dict,
    ),
    "sessions": View(
        "select s.id as pk, s.id, s.user_id, s.checked_in_at, s.expires_at, s.status from sessions s",
        "s.player_id = ? and s.status = 'active'",
        "s.id",
        1,
        _session,
    ),
    "queue_rules": View(
        "select r.song_id || '/' || r.kind as pk, r.song_id, r.kind, r.place, r.until from queue_rules r",
        "r.player_id = ?",
        "r.song_id || '/' || r.kind",
        1,
        _rule,
    ),
    "settings": View("select s.key as pk, s.key, s.value from settings s", "s.player_id = ?", "s.key", 1, _setting),
    "held_votes": View(
        "select h.vote_id as pk, h.vote_id, h.song_id, h.vote_time from held_votes h",
        "h.player_id = ?",
        "h.vote_id",
        1,
        _held_vote,
    ),
}

# Which rooms see a row of those tables that look the same to all that see it, and where their logs stand.
SEERS: dict[str, str] = {
    "songs": (
        "select r.id, r.rev, r.digest from players r, songs s where s.id = ? and s.deleted_at is null and (exists "
        "(select 1 from player_library l where l.player_id = r.id and l.song_id = s.id) "
        "or not exists (select 1 from player_library l where l.player_id = r.id))"
    ),
    "profiles": (
        "with who (id) as (select p.id from profiles p where p.id = ? and p.merged_into is null) "
        "select r.id, r.rev, r.digest from players r "
        "where exists (select 1 from tags t join who on t.profile_id = who.id) or r.id in "
        "(select s.player_id from sessions s join who on s.user_id = who.id where s.status = 'active')"
    ),
    "merges": "select r.id, r.rev, r.digest from players r, profiles p where p.id = ? and p.merged_into is not null",
    "tags": "select r.id, r.rev, r.digest from players r, tags t where t.key_hash = ?",
}
