"""Operations of boxes: what was answered to each, once and for ever, and how far their boot clocks are from ours."""

from __future__ import annotations

from collections.abc import Sequence

from cloud_stub.database import Asked, Row, Tx, marks
from cloud_stub.moments import to_text


def verdicts(tx: Tx, player_id: str, op_ids: Sequence[str]) -> Asked[dict[str, str]]:
    """What was answered the first time to those of them that came before."""
    return tx.ask(
        lambda rows: {row["op_id"]: row["status"] for row in rows},
        f"select op_id, status from op_seen where player_id = ? and op_id in ({marks(op_ids)})",  # noqa: S608 - marks
        player_id, *op_ids,
    )  # fmt: skip


def seen(tx: Tx, player_id: str) -> Asked[int]:
    """How many ops of the player were ever answered."""
    sql = "select coalesce(max(n), 0) as n from op_seen where player_id = ?"
    return tx.ask(lambda rows: int(rows[0]["n"]), sql, player_id)


def note(tx: Tx, player_id: str, op_id: str, n: int, type_: str, status: str, now_s: float) -> None:
    """n: its place among all that were ever answered to the player, from 1."""
    tx.tell(
        "insert into op_seen (player_id, op_id, n, type, status, seen_at) values (?, ?, ?, ?, ?, ?)",
        player_id, op_id, n, type_, status, to_text(now_s),
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


def boot_offsets(tx: Tx, player_id: str, boot_ids: Sequence[str]) -> Asked[dict[str, float]]:
    """Seconds to add to a boot's clock to get ours, of those of them that ever spoke to us."""
    return tx.ask(
        lambda rows: {row["boot_id"]: row["offset_s"] for row in rows},
        f"select boot_id, offset_s from boots where player_id = ? and boot_id in ({marks(boot_ids)})",  # noqa: S608 - marks
        player_id, *boot_ids,
    )  # fmt: skip


def prune(tx: Tx, before_s: float) -> None:
    """Forget verdicts and boots older than that: longer than a box may be away with ops it has sent before. The newest
    verdict of a player stays, by which we know how many there were."""
    tx.run(
        "delete from op_seen where seen_at < ? and n < (select max(o.n) from op_seen o "
        "where o.player_id = op_seen.player_id)",
        to_text(before_s),
    )
    tx.run("delete from boots where seen_at < ?", to_text(before_s))
