"""How long a test waits for what should come at once, before it says that it never will."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 60.0  # a busy machine is not a failing test


def until(look: Callable[[], T], what: str = "what another does") -> T:
    """What `look` finds, as soon as that is something; fails with `what` when it never is."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < deadline_s, f"not within {PATIENCE_S:g} s: {what}"
        time.sleep(0.005)
    return found
