"""Operations of boxes: what was answered to each, once and for ever, and how far their boot clocks are from ours."""

from __future__ import annotations

from cloud_stub.database import Row, Tx
from cloud_stub.moments import to_text


def verdict(tx: Tx, player_id: str, op_id: str) -> str | None:
    """What was answered the first time, or None."""
    found: str | None = tx.value("select status from op_seen where player_id = ? and op_id = ?", player_id, op_id)
    return found


def seen(tx: Tx, player_id: str) -> int:
    """How many ops of the player were ever answered."""
    return int(tx.value("select coalesce(max(n), 0) from op_seen where player_id = ?", player_id))


def note(tx: Tx, player_id: str, op_id: str, type_: str, status: str, now_s: float) -> None:
    tx.run(
        "insert into op_seen (player_id, op_id, n, type, status, seen_at) values (?, ?, ?, ?, ?, ?)",
        player_id, op_id, seen(tx, player_id) + 1, type_, status, to_text(now_s),
    )  # fmt: skip


def listed(tx: Tx, player_id: str, after: int, limit: int) -> list[Row]:
    """{n, op_id, type, status} in the order of arrival."""
    return tx.all(
        "select n, op_id, type, status from op_seen where player_id = ? and n > ? order by n limit ?",
        player_id, after, limit,
    )  # fmt: skip


def learn_boot(tx: Tx, player_id: str, boot_id: str, offset_s: float, now_s: float) -> None:
    tx.tell(
        "insert into boots (player_id, boot_id, offset_s, seen_at) values (?, ?, ?, ?) "
        "on conflict (player_id, boot_id) do update set offset_s = excluded.offset_s, seen_at = excluded.seen_at",
        player_id, boot_id, offset_s, to_text(now_s),
    )  # fmt: skip


def boot_offset(tx: Tx, player_id: str, boot_id: str) -> float | None:
    """Seconds to add to that boot's clock to get ours, if it ever spoke to us."""
    sql = "select offset_s from boots where player_id = ? and boot_id = ?"
    found: float | None = tx.value(sql, player_id, boot_id)
    return found


def prune(tx: Tx, before_s: float) -> None:
    """Forget verdicts and boots older than that: longer than a box may be away with ops it has sent before. The newest
    verdict of a player stays, by which we know how many there were."""
    tx.run(
        "delete from op_seen where seen_at < ? and n < (select max(o.n) from op_seen o "
        "where o.player_id = op_seen.player_id)",
        to_text(before_s),
    )
    tx.run("delete from boots where seen_at < ?", to_text(before_s))
