"""The change log of each player, compacted to the newest word on each row: its `put` rows are the bucket.

The writer raises the player's revision inside its own transaction, so revisions appear in the order of commits.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from cloud_stub.database import Row, Tx
from cloud_stub.moments import to_text
from sync.wire import digest_text, row_digest


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a player's log stands."""

    epoch: str
    rev: int
    pruned_rev: int
    digest: str


def mark(tx: Tx, player_id: str) -> Mark:
    row = tx.one("select epoch, rev, pruned_rev, digest from players where id = ?", player_id)
    assert row is not None, f"no player {player_id}"
    return Mark(**row)


def record(tx: Tx, player_id: str, tbl: str, pk: str, row: dict[str, Any] | None, now_s: float) -> bool:
    """Note that a row of the bucket is now `row` (None: gone); False when that was known already."""
    sql = "select op, row_json, hash from changes where player_id = ? and tbl = ? and pk = ?"
    old = tx.one(sql, player_id, tbl, pk)
    text = None if row is None else json.dumps(row, sort_keys=True, separators=(",", ":"), allow_nan=False)
    if text == (old["row_json"] if old else None):
        return False
    before = int(old["hash"], 16) if old and old["hash"] else 0
    after = 0 if row is None else row_digest(tbl, pk, row)
    rev = _next_rev(tx, player_id, after - before)
    tx.run(
        "insert into changes (player_id, tbl, pk, rev, op, row_json, hash, changed_at) values (?, ?, ?, ?, ?, ?, ?, ?) "
        "on conflict (player_id, tbl, pk) do update set rev = excluded.rev, op = excluded.op, "
        "row_json = excluded.row_json, hash = excluded.hash, changed_at = excluded.changed_at",
        player_id, tbl, pk, rev, "del" if text is None else "put", text,
        None if text is None else digest_text(after), to_text(now_s),
    )  # fmt: skip
    tx.touched.add(player_id)
    return True


def _next_rev(tx: Tx, player_id: str, digest_step: int) -> int:
    row = tx.one("update players set rev = rev + 1 where id = ? returning rev, digest", player_id)
    assert row is not None, f"no player {player_id}"
    digest = digest_text(int(row["digest"], 16) + digest_step)
    tx.run("update players set digest = ? where id = ?", digest, player_id)
    return int(row["rev"])


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


def keys(tx: Tx, player_id: str, tbl: str) -> set[str]:
    """Primary keys of the bucket's rows of one table."""
    rows = tx.all("select pk from changes where player_id = ? and tbl = ? and op = 'put'", player_id, tbl)
    return {row["pk"] for row in rows}


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
