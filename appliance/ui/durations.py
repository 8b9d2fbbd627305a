"""Times as people read them."""

from __future__ import annotations

import math


def waiting_time(seconds: float) -> str:
    """A wait that runs: `0:30`, `12:00`."""
    whole = math.ceil(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def minutes(seconds: float) -> str:
    """A time that holds, rounded up: `1 min`, `2 h`, `1 h 20 min`."""
    hours, rest = divmod(max(math.ceil(seconds / 60), 1), 60)
    return " ".join([*([f"{hours} h"] if hours else []), *([f"{rest} min"] if rest else [])])
