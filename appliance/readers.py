"""The card readers as their process last told of them, believed only while that process beats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BELIEVED_S = 12.0  # the process tells of itself every five seconds, also when nothing happens
SILENT = "the reader process does not answer; is `cosound nfc` running?"


def readers_now(told: Mapping[str, Any], now_s: float) -> list[dict[str, Any]]:
    """`{where, name, state, why}` of each reader, from the runtime file `reader`; what a dead process said is absent.

    now_s: boot clock. Anything else in that file is left out.
    """
    given = told.get("readers")
    readers = [dict(one) for one in given if isinstance(one, Mapping)] if isinstance(given, list) else []
    boot_s = told.get("boot_s")
    if isinstance(boot_s, int | float) and -1 < now_s - boot_s < BELIEVED_S:
        return readers
    return [{**one, "state": "absent", "why": SILENT} for one in readers]
