"""How long to wait before asking again. Pure."""

from __future__ import annotations

from random import Random

FIRST_S = 0.25
CAP_S = 30.0
SHORT_CAP_S = 2.0
SHORT_WHILE_S = 60.0


def backoff_s(attempt: int, away_s: float, rng: Random) -> float:
    """Full jitter: uniform in 0 … a bound that doubles with each failed attempt (counted from 0).

    The bound ends at 30 s, so that a cloud that comes back is not run over; at 2 s while the link has been
    away for less than a minute, so that a short cut is over quickly.
    """
    cap_s = SHORT_CAP_S if away_s < SHORT_WHILE_S else CAP_S
    return rng.uniform(0, min(cap_s, FIRST_S * 2 ** min(attempt, 20)))
