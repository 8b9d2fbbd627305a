"""Where the faults' dice come from: one seed for a run, printed, so that it can be played again."""

from __future__ import annotations

import os
import random
from functools import cache


@cache
def seed() -> int:
    """FAULTS_SEED, or a new one."""
    return int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(1, 2**32))


def dice(what: str) -> random.Random:
    """This fault's own, the same for the same seed whatever else is tried."""
    return random.Random(f"{seed()} {what}")
