"""The change log of each player, compacted to the newest word on each row: its `put` rows are the bucket.

The writer raises the player's revision inside its own transaction, so revisions appear in the order of commits.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloud_stub.database import Row, Tx
from cloud_stub.moments import to_text
from sync.digest import digest_text, row_digest

WireRow = Mapping[str, Any]

_NEVER: Row = {"row_json": None, "hash": None}
_AT_ONCE = 500
_PUT = (
    "insert into changes (player_id, tbl, pk, rev, op, row_json, hash, changed_at) values (?, ?, ?, ?, ?, ?, ?, ?) "
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
class _Word:
    """What is to be said of one row: its canonical JSON and its part of the digest; no text for a row that is gone."""

    tbl: str
    pk: str
    text: str | None
    part: int


def mark(tx: Tx, player_id: str) -> Mark:
    row = tx.one("select epoch, rev, pruned_rev, digest from players where id = ?", player_id)
    assert row is not None, f"no player {player_id}"
    return Mark(**row)


def record(tx: Tx, player_ids: Collection[str], tbl: str, pk: str, row: WireRow | None, now_s: float) -> set[str]:
    """Note that in these players' buckets a row is now `row` (None: gone); returns those to whom that is news."""
    word = _word(tbl, pk, row)
    old = _known(tx, player_ids, tbl, pk)
    news = [player_id for player_id in player_ids if old.get(player_id, _NEVER)["row_json"] != word.text]
    marks = _next_marks(tx, news)
    digests = [(_moved(mark["digest"], word, old.get(mark["id"], _NEVER)), mark["id"]) for mark in marks]
    tx.many("update players set digest = ? where id = ?", digests)
    tx.many(_PUT, [_entry(mark["id"], mark["rev"], word, now_s) for mark in marks])
    tx.touched.update(news)
    return set(news)


def record_table(tx: Tx, player_id: str, tbl: str, rows: Mapping[str, WireRow], now_s: float) -> None:
    """Note that in one player's bucket the table holds exactly these rows, by primary key."""
    sql = "select pk, row_json, hash from changes where player_id = ? and tbl = ?"
    old = {row["pk"]: row for row in tx.all(sql, player_id, tbl)}
    gone = [_word(tbl, pk, None) for pk in old.keys() - rows.keys()]
    words = [*gone, *(_word(tbl, pk, row) for pk, row in rows.items())]
    news = [word for word in words if old.get(word.pk, _NEVER)["row_json"] != word.text]
    if not news:
        return
    mark = tx.one("update players set rev = rev + ? where id = ? returning rev, digest", len(news), player_id)
    assert mark is not None, f"no player {player_id}"
    digest = mark["digest"]
    for word in news:
        digest = _moved(digest, word, old.get(word.pk, _NEVER))
    tx.run("update players set digest = ? where id = ?", digest, player_id)
    first = mark["rev"] - len(news) + 1
    tx.many(_PUT, [_entry(player_id, rev, word, now_s) for rev, word in enumerate(news, start=first)])
    tx.touched.add(player_id)


def holders(tx: Tx, tbl: str, pk: str) -> set[str]:
    """Players whose bucket has the row."""
    rows = tx.all("select player_id from changes where tbl = ? and pk = ? and op = 'put'", tbl, pk)
    return {row["player_id"] for row in rows}


def _known(tx: Tx, player_ids: Collection[str], tbl: str, pk: str) -> dict[str, Row]:
    sql = "select player_id, row_json, hash from changes where tbl = ? and pk = ?"
    if len(player_ids) == 1:
        (player_id,) = player_ids
        rows = tx.all(f"{sql} and player_id = ?", tbl, pk, player_id)
    else:
        rows = tx.all(sql, tbl, pk)
    return {row["player_id"]: row for row in rows}


def _next_marks(tx: Tx, player_ids: Sequence[str]) -> list[Row]:
    """{id, rev, digest} of the players, their revision raised by one."""
    marks: list[Row] = []
    for start in range(0, len(player_ids), _AT_ONCE):
        some = player_ids[start : start + _AT_ONCE]
        places = ", ".join("?" * len(some))
        marks += tx.all(
            f"update players set rev = rev + 1 where id in ({places}) returning id, rev, digest",  # noqa: S608 - marks
            *some,
        )
    return marks


def _word(tbl: str, pk: str, row: WireRow | None) -> _Word:
    if row is None:
        return _Word(tbl, pk, None, 0)
    text = json.dumps(row, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return _Word(tbl, pk, text, row_digest(tbl, pk, row))


def _moved(digest: str, word: _Word, old: Row) -> str:
    """The digest with the row's old part taken out and its new one put in."""
    before = int(old["hash"], 16) if old["hash"] else 0
    return digest_text(int(digest, 16) - before + word.part)


def _entry(player_id: str, rev: int, word: _Word, now_s: float) -> tuple[object, ...]:
    op, part = ("del", None) if word.text is None else ("put", digest_text(word.part))
    return player_id, word.tbl, word.pk, rev, op, word.text, part, to_text(now_s)


def since(tx: Tx, player_id: str, rev: int, limit: int) -> list[Row]:
    """At most `limit` changes after `rev`, in order."""
    return tx.all(
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
