"""The change log of each player, compacted to the newest word on each row: its `put` rows are the bucket.

The writer raises the player's revision inside its own transaction, and writers come one after the other: so revisions
appear in the order of commits.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloud_stub.database import Asked, Row, Tx
from cloud_stub.moments import to_text
from sync.digest import canonical, digest_text, text_digest

WireRow = Mapping[str, Any]
Counters = Mapping[str, tuple[int, str]]  # player → (rev, digest)

_NEVER: Row = {"row_json": None, "hash": None}
_FEW = 8
_PUT = (
    "insert into changes (player_id, tbl, pk, rev, op, row_json, hash, changed_at) values {rows} "
    "on conflict (player_id, tbl, pk) do update set rev = excluded.rev, op = excluded.op, "
    "row_json = excluded.row_json, hash = excluded.hash, changed_at = excluded.changed_at"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a player's log stands."""

    epoch: str
    rev: int
    pruned_rev: int
    digest: str


@dataclass(frozen=True, slots=True)
class Word:
    """What is to be said of one row: its canonical JSON and its part of the digest; no text for a row that is gone."""

    tbl: str
    pk: str
    text: str | None
    part: int

    @classmethod
    def of(cls, tbl: str, pk: str, row: WireRow | None) -> Word:
        if row is None:
            return cls(tbl, pk, None, 0)
        text = canonical(row)
        return cls(tbl, pk, text, text_digest(tbl, pk, text))


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be said of a row in one player's log, beside what the log says so far (None: never heard of it)."""

    player_id: str
    word: Word
    known: Row | None


def mark(tx: Tx, player_id: str) -> Asked[Mark]:
    sql = "select epoch, rev, pruned_rev, digest from players where id = ?"
    return tx.ask(lambda rows: Mark(**rows[0]), sql, player_id)


def counters(tx: Tx, player_id: str) -> Asked[Counters]:
    return tx.ask(counters_in, "select id, rev, digest from players where id = ?", player_id)


def counters_in(rows: Iterable[Row]) -> Counters:
    """Of rows with id, rev and digest."""
    return {row["id"]: (row["rev"], row["digest"]) for row in rows}


def known_in_room(
    tx: Tx, player_id: str, keys: Sequence[tuple[str, str]]
) -> Asked[tuple[dict[tuple[str, str], Row], Counters]]:
    """What the room's log says of the rows (tbl, pk) that it has, and where it stands."""
    places = ", ".join(["(?, ?)"] * len(keys))
    return tx.ask(
        _known_and_counters,
        f"with w (tbl, pk) as (values {places}) "  # noqa: S608 - marks
        "select p.id, p.rev, p.digest, k.tbl, k.pk, k.row_json, k.hash from players p left join ("
        "select c.player_id, c.tbl, c.pk, c.row_json, c.hash from w join changes c on c.tbl = w.tbl and c.pk = w.pk "
        "and c.player_id = ?) k on k.player_id = p.id where p.id = ?",
        *(part for key in keys for part in key), player_id, player_id,
    )  # fmt: skip


def _known_and_counters(rows: list[Row]) -> tuple[dict[tuple[str, str], Row], Counters]:
    return {(row["tbl"], row["pk"]): row for row in rows if row["tbl"] is not None}, counters_in(rows)


def known_and_seers(tx: Tx, tbl: str, pk: str, seers: str) -> Asked[tuple[dict[str, Row], Counters]]:
    """What each player's log says of one row ({id, rev, digest, row_json, hash} by player), and where the logs of those
    stand who see it. seers: asks for id, rev and digest of those, by the row's key."""
    return tx.ask(
        _known_and_seers,
        "select p.id, p.rev, p.digest, c.row_json, c.hash, 0 as sees from changes c "  # noqa: S608 - our own
        "join players p on p.id = c.player_id where c.tbl = ? and c.pk = ? "
        f"union all select s.id, s.rev, s.digest, null, null, 1 from ({seers}) s",
        tbl, pk, pk,
    )  # fmt: skip


def _known_and_seers(rows: list[Row]) -> tuple[dict[str, Row], Counters]:
    return {row["id"]: row for row in rows if not row["sees"]}, counters_in(row for row in rows if row["sees"])


def known_of_table(tx: Tx, player_id: str, tbl: str) -> dict[str, Row]:
    """What one player's log says of a whole table, by primary key."""
    rows = tx.all("select pk, row_json, hash from changes where player_id = ? and tbl = ?", player_id, tbl)
    return {row["pk"]: row for row in rows}


def record(tx: Tx, entries: Iterable[Entry], counters: Counters, now_s: float) -> dict[tuple[str, str], set[str]]:
    """Note what is news of them, each under a revision of its own; (tbl, pk) → the players to whom it was.

    counters: where the players' logs stand. A revision that is given twice all the same breaks a rule of the table.
    """
    said: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    news: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        word, known = entry.word, entry.known or _NEVER
        if known["row_json"] != word.text:
            news[entry.player_id].append(entry)
            said[word.tbl, word.pk].add(entry.player_id)
    _write(tx, news, counters, now_s)
    tx.touched.update(news)
    return said


def _write(tx: Tx, news: Mapping[str, Sequence[Entry]], counters: Counters, now_s: float) -> None:
    marks, puts = [], []
    for player_id, entries in news.items():
        rev, digest = counters[player_id]
        for entry in entries:
            rev, digest = rev + 1, _moved(digest, entry)
            puts.append(_put(player_id, rev, entry.word, now_s))
        marks.append((rev, digest, player_id))
    tx.many("update players set rev = ?, digest = ? where id = ?", marks)
    row = "(?, ?, ?, ?, ?, ?, ?, ?)"
    if len(puts) <= _FEW:  # in one statement; of many, one statement each is as quick
        if puts:
            tx.tell(_PUT.format(rows=", ".join([row] * len(puts))), *(value for put in puts for value in put))
    else:
        tx.many(_PUT.format(rows=row), puts)


def _moved(digest: str, entry: Entry) -> str:
    """The digest with the row's old part taken out and its new one put in."""
    known = entry.known or _NEVER
    before = int(known["hash"], 16) if known["hash"] else 0
    return digest_text(int(digest, 16) - before + entry.word.part)


def _put(player_id: str, rev: int, word: Word, now_s: float) -> tuple[object, ...]:
    op, part = ("del", None) if word.text is None else ("put", digest_text(word.part))
    return player_id, word.tbl, word.pk, rev, op, word.text, part, to_text(now_s)


def since(tx: Tx, player_id: str, rev: int, limit: int) -> Asked[list[Row]]:
    """At most `limit` changes after `rev`, in order."""
    return tx.ask(
        list,
        "select rev, tbl, pk, op, row_json from changes where player_id = ? and rev > ? order by rev limit ?",
        player_id, rev, limit,
    )  # fmt: skip


def bucket_page(tx: Tx, player_id: str, after: tuple[str, str], limit: int) -> list[Row]:
    """At most `limit` rows of the bucket behind (tbl, pk), in that order."""
    tbl, pk = after
    return tx.all(
        "select rev, tbl, pk, op, row_json from changes where player_id = ? and op = 'put' "
        "and (tbl > ? or (tbl = ? and pk > ?)) order by tbl, pk limit ?",
        player_id, tbl, tbl, pk, limit,
    )  # fmt: skip


def bucket(tx: Tx, player_id: str) -> list[tuple[str, str, Any]]:
    """The whole bucket as (tbl, pk, row)."""
    rows = tx.all("select tbl, pk, row_json from changes where player_id = ? and op = 'put'", player_id)
    return [(row["tbl"], row["pk"], json.loads(row["row_json"])) for row in rows]


def prune(tx: Tx, before_s: float) -> int:
    """Forget tombstones older than that; a box that was away for longer gets the whole bucket."""
    tx.run(
        "update players set pruned_rev = (select max(c.rev) from changes c where c.player_id = players.id "
        "and c.op = 'del' and c.changed_at < ?) where exists (select 1 from changes c "
        "where c.player_id = players.id and c.op = 'del' and c.changed_at < ?)",
        to_text(before_s), to_text(before_s),
    )  # fmt: skip
    return tx.run("delete from changes where op = 'del' and changed_at < ?", to_text(before_s))
