"""How fast files may come, by the hour: a venue's line is for its guests first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from appliance.clock import Clock

SAVED_S = 1.0
TRUSTED_FROM_S = 1_767_225_600.0  # 2026: a clock that says less was never set, and then the limit holds at any hour


class Throttle:
    """A rate all downloads share, in the hours that it holds."""

    def __init__(
        self,
        clock: Clock,
        rate_kib_s: int = 0,
        hours: str = "",
        local: Callable[[float], time.struct_time] | None = None,
    ) -> None:
        """rate_kib_s: 0 is no limit. hours: "HH:MM-HH:MM" in local time, over midnight too; empty is always."""
        self._clock = clock
        self._rate = rate_kib_s * 1024
        self._span = tuple(_minutes(text) for text in hours.split("-")) if hours else ()
        self._local = local or time.localtime
        self._lock = threading.Lock()
        self._free_s = float("-inf")

    def wait_s(self, size: int) -> float:
        """How many seconds to wait after `size` bytes came."""
        if not self._rate or not self._holds():
            return 0.0
        now_s = self._clock.boot_s()
        with self._lock:
            self._free_s = max(self._free_s, now_s - SAVED_S) + size / self._rate
            return max(self._free_s - now_s, 0.0)

    def _holds(self) -> bool:
        wall_s = self._clock.wall_s()
        if not self._span or wall_s < TRUSTED_FROM_S:
            return True
        now = self._local(wall_s)
        minute, (begin, end) = now.tm_hour * 60 + now.tm_min, self._span
        return begin <= minute < end if begin <= end else minute >= begin or minute < end


def _minutes(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)
