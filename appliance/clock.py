"""Time as a parameter.

A Pi has no clock battery, so wall time is for people and for schedules, never for order or expiry on the box.
Durations run on boot time: seconds since the kernel started, which no one can set back.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Where a process reads the time."""

    @property
    def boot_id(self) -> str:
        """Names the boot that `boot_s` counts from."""

    def boot_s(self) -> float:
        """Seconds since this boot, never set back, counting through suspend."""

    def wall_s(self) -> float:
        """Seconds since 1970 as this box believes; may jump."""


def kernel_boot_id() -> str:
    """`COSOUND_BOOT_ID` first (a sandboxed unit cannot read the kernel's), the kernel's own second."""
    given = os.environ.get("COSOUND_BOOT_ID")
    if given:
        return given
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "")
    except OSError:
        return "unknown-boot"


class SystemClock:
    """The machine's own clocks."""

    def __init__(self) -> None:
        self._boot_id = kernel_boot_id()

    @property
    def boot_id(self) -> str:
        return self._boot_id

    def boot_s(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall_s(self) -> float:
        return time.time()


@dataclass
class ManualClock:
    """A clock that a test moves by hand."""

    boot: float = 1_000.0
    wall: float = 1_800_000_000.0
    boot_id: str = "test-boot"
    _jumps: list[float] = field(default_factory=list)

    def boot_s(self) -> float:
        return self.boot

    def wall_s(self) -> float:
        return self.wall

    def advance(self, seconds: float) -> None:
        """Let time pass: both clocks move."""
        self.boot += seconds
        self.wall += seconds

    def set_wall(self, wall_s: float) -> None:
        """Somebody sets the clock: only wall time moves."""
        self._jumps.append(wall_s - self.wall)
        self.wall = wall_s
