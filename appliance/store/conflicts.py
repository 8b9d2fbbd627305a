"""Who is right while one of our ops is still on its way: the cloud's row, or ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.clock import Clock
from appliance.store.database import Database
from appliance.store.rules import Rules

_SAME_MOMENT_S = 1.0
# Which row an op is about to change, and where its body names that.
_TABLES = {"checkin": "sessions", "rule": "queue_rules", "merge": "profiles"}
_KEYS = {"checkin": "session_id", "rule": "rule", "merge": "profile_id"}


class Conflicts:
    """Judges one page of pulled rows. Made anew inside each transaction: it reads the outbox once, when asked.

    Three kinds of row can be overtaken: a rule that staff set here, a stay that was extended here, and a listener who
    became another's part here. All else in the bucket is the cloud's to say.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._loaded: set[tuple[str, str]] | None = None

    def ours_stands(self, tbl: str, pk: str, op: str, row: Mapping[str, Any] | None) -> bool:
        """True when the pulled word on this row is older than what we are about to say, and differs from it."""
        if tbl == "sessions":
            ends_it = op == "del" or (row is not None and row["status"] == "inactive")
            return ends_it and (tbl, pk) in self._unsent() and self._is_open_here(pk)
        if tbl == "profiles":
            return op == "put" and (tbl, pk) in self._unsent()
        if tbl == "queue_rules":
            return (tbl, pk) in self._unsent() and not self._is_our_rule(pk, op, row)
        return False

    def is_unsent(self, tbl: str, pk: str) -> bool:
        """Is an op on its way that changes this row?"""
        return (tbl, pk) in self._unsent()

    def any(self) -> bool:
        """Is any op on its way that changes a row of the bucket?"""
        return bool(self._unsent())

    def _unsent(self) -> set[tuple[str, str]]:
        if self._loaded is None:
            rows = self._db.rows(
                "select type, json_extract(body, '$.session_id') as session_id, "
                "json_extract(body, '$.song_id') || '/' || json_extract(body, '$.kind') as rule, "
                "json_extract(body, '$.profile_id') as profile_id "
                "from outbox where type in ('checkin', 'rule', 'merge') and json_valid(body)"
            )
            self._loaded = {(_TABLES[row["type"]], row[_KEYS[row["type"]]]) for row in rows}
        return self._loaded

    def _is_open_here(self, session_id: str) -> bool:
        """A stay that ended here, too, is over by both words, though the one that began it was never answered."""
        return self._db.value("select status from sessions where id = ?", session_id) == "active"

    def _is_our_rule(self, pk: str, op: str, row: Mapping[str, Any] | None) -> bool:
        song_id, _, kind = pk.partition("/")
        mine = Rules(self._db, self._clock).find(song_id, kind)
        lifted = mine is None or (mine.until_s is not None and mine.until_s <= self._clock.wall_s())
        if op == "del" or row is None or mine is None:
            return lifted
        return mine.place == row.get("place") and _same_moment(mine.until_s, row.get("until_s"))


def _same_moment(a: float | None, b: float | None) -> bool:
    return a == b if a is None or b is None else abs(a - b) < _SAME_MOMENT_S
