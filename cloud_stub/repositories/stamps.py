"""Who spoke last on a row that two sides write: the later word stands, in whichever order they arrive.

A word's time is the cloud's own, or for a box's the event time corrected by its boot clock. What one box says comes in
the order in which it was said, so that of two of its words the later is never the older, even where its clock is of no
use. Equal times are told apart by the words' ids.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloud_stub.database import Tx


@dataclass(frozen=True, slots=True, order=True)
class Stamp:
    """When a word was spoken, and its id. Of two, the greater stands."""

    at_ms: int
    word_id: str


def take(tx: Tx, player_id: str, tbl: str, pk: str, stamp: Stamp, *, by_box: bool) -> bool:
    """Note the word as the one that stands; False when a later one does already."""
    row = tx.one(
        "select at_ms, word_id, by_box from stamps where player_id = ? and tbl = ? and pk = ?", player_id, tbl, pk
    )
    if row is not None:
        stands = Stamp(row["at_ms"], str(row["word_id"]))
        if by_box and row["by_box"]:
            stamp = Stamp(max(stamp.at_ms, stands.at_ms + 1), stamp.word_id)
        if stamp <= stands:
            return False
    tx.run(
        "insert into stamps (player_id, tbl, pk, at_ms, word_id, by_box) values (?, ?, ?, ?, ?, ?) "
        "on conflict (player_id, tbl, pk) do update set at_ms = excluded.at_ms, word_id = excluded.word_id, "
        "by_box = excluded.by_box",
        player_id, tbl, pk, stamp.at_ms, stamp.word_id, int(by_box),
    )  # fmt: skip
    return True


def prune(tx: Tx, before_s: float) -> None:
    """Forget words older than that: longer than a box may be away."""
    tx.run("delete from stamps where at_ms < ?", round(before_s * 1000))
