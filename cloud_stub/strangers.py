"""Who knocks with tokens that open nothing: each look for one asks the database, so no place may have it ask for ever.

Counted in memory, in each copy of the server: it is the database that is spared. A box whose token we know is never
held up by others behind the same address.
"""

from __future__ import annotations

from collections import Counter
from math import ceil

from cloud_stub.errors import Refused

TIMES = 60
WINDOW_S = 60.0


class Strangers:
    """Wrong tokens by place, within the minute that runs."""

    def __init__(self) -> None:
        self._begun_s = 0.0
        self._counts: Counter[str] = Counter()

    def check(self, place: str, now_s: float) -> None:
        """Raises Refused (429, with when to come back) for a place that tried too often."""
        self._turn(now_s)
        if self._counts[place] >= TIMES:
            wait_s = max(1, ceil(self._begun_s + WINDOW_S - now_s))
            raise Refused(429, "too_often", f"too many wrong player tokens: try again in {wait_s} s", wait_s)

    def note(self, place: str, now_s: float) -> None:
        self._turn(now_s)
        self._counts[place] += 1

    def _turn(self, now_s: float) -> None:
        if not 0 <= now_s - self._begun_s < WINDOW_S:
            self._begun_s = now_s
            self._counts.clear()
