"""Where the faults' dice come from: one seed for a run, printed, so that it can be played again."""

from __future__ import annotations

import os
import random
from functools import cache
from pathlib import Path


@cache
def seed() -> int:
    """FAULTS_SEED, or a new one."""
    return int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(1, 2**32))


def dice(what: str) -> random.Random:
    """This fault's own, the same for the same seed whatever else is tried."""
    return random.Random(f"{seed()} {what}")


def flip_a_bit(file: Path, rolled: random.Random, start: int, end: int | None = None) -> None:
    """In one of the file's bytes from `start` to before `end`."""
    with file.open("r+b") as raw:
        place = rolled.randrange(start, end or file.stat().st_size)
        raw.seek(place)
        byte = raw.read(1)[0]
        raw.seek(place)
        raw.write(bytes([byte ^ 1 << rolled.randrange(8)]))
