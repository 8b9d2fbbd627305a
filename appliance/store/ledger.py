"""The ledger: what was known at each decision that changed the scene, kept small and for a while.

Decisions are gathered in memory and written by the leaf: a page of the card costs 4 KiB however little is on it. A
power cut may take the last leaf; the ledger explains an evening, it holds no fact that people made.
"""

from __future__ import annotations

from collections.abc import Iterator

from appliance.clock import Clock
from appliance.store.database import Database
from appliance.store.outbox import boot_ms, wall_ms
from ml.leaf import Leaf, unfold
from ml.ledger import Decision, LedgerError

LEAF_DECISIONS = 32
LEAF_BYTES = 256 << 10  # before compression
LEAF_AGE_S = 900.0
KEEP_LEAVES = 2_000
KEEP_BYTES = 32 << 20
DAILY_BYTES = 3 << 19  # what a day refills …
SAVED_BYTES = 1 << 19  # … and what may be saved up: 2 MB in any day, together


class Ledger:
    """Append, prune, read. Only the player adds to it."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._leaf = Leaf()
        self._begun_s = 0.0
        self._allowed = float(SAVED_BYTES)
        self._refilled_s = clock.boot_s()

    def add(self, decision: Decision) -> None:
        """Remember a decision; the leaf it fills is written."""
        if not len(self._leaf):
            self._begun_s = self._clock.boot_s()
        self._leaf.add(decision)
        if len(self._leaf) >= LEAF_DECISIONS or self._leaf.size >= LEAF_BYTES:
            self.flush()

    def flush_beside(self) -> None:
        """Write a leaf that is half full or was begun long ago: something else is being written, which wakes the card
        anyway."""
        if len(self._leaf) >= LEAF_DECISIONS // 2 or self._clock.boot_s() - self._begun_s >= LEAF_AGE_S:
            self.flush()

    def flush(self) -> None:
        """Write what is remembered, unless today's share of the card is used up: then it is dropped."""
        leaf, self._leaf = self._leaf, Leaf()
        if not len(leaf):
            return
        body = leaf.folded()
        if not self._may_write(len(body)):
            return
        with self._db.write(durable=False) as conn:
            seq = conn.execute(
                "insert into ledger (boot_id, boot_ms, wall_ms, decisions, body) values (?, ?, ?, ?, ?)",
                (self._clock.boot_id, boot_ms(self._clock), wall_ms(self._clock), len(leaf), body),
            ).lastrowid
            conn.execute("delete from ledger where seq <= ?", ((seq or 0) - KEEP_LEAVES,))
            conn.execute(
                "delete from ledger where seq <= (select max(seq) from (select seq, sum(length(body)) over "
                "(order by seq desc) as kept from ledger) where kept > ?)",
                (KEEP_BYTES,),
            )

    def decisions(self) -> Iterator[Decision]:
        """All that is kept, oldest first; leaves that are torn are left out."""
        for row in self._db.rows("select seq from ledger order by seq"):
            yield from self._leaf_at(row["seq"])

    def newest(self) -> tuple[Decision, float] | None:
        """The last decision that was written in this boot, and how many seconds ago its leaf was."""
        row = self._db.row(
            "select seq, boot_ms from ledger where boot_id = ? order by seq desc limit 1", self._clock.boot_id
        )
        decisions = [] if row is None else self._leaf_at(row["seq"])
        if row is None or not decisions:
            return None
        return decisions[-1], self._clock.boot_s() - row["boot_ms"] / 1000

    def _leaf_at(self, seq: int) -> list[Decision]:
        row = self._db.row("select body from ledger where seq = ?", seq)
        try:
            return [] if row is None else unfold(row["body"])
        except LedgerError:
            return []

    def _may_write(self, size: int) -> bool:
        now_s = self._clock.boot_s()
        refill = max(now_s - self._refilled_s, 0.0) * DAILY_BYTES / 86_400
        self._refilled_s = now_s
        self._allowed = min(self._allowed + refill, SAVED_BYTES)
        if size > self._allowed:
            return False
        self._allowed -= size
        return True
