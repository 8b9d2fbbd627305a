"""Time since the machine was started: nobody sets it, and it goes on while the machine sleeps."""

from __future__ import annotations

import time


def boot_time_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def boot_time_s() -> float:
    return boot_time_ns() / 1e9
