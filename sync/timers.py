"""Alarms that ring at even intervals, whatever is done to the wall clock."""

from __future__ import annotations

import threading
from datetime import UTC

from apscheduler.schedulers.background import BackgroundScheduler

from appliance.clock import Clock

MAX_DRIFT_S = 2.0


class Alarm:
    """Rung by a timer (or anybody), taken by one thread."""

    def __init__(self) -> None:
        self._rung = threading.Event()

    def ring(self) -> None:
        self._rung.set()

    def take(self) -> bool:
        """Has it rung since it was last taken?"""
        rung = self._rung.is_set()
        self._rung.clear()
        return rung


class Timers:
    """APScheduler, which counts in wall time, under a guard, which counts in boot time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_s = self._offset()
        self._seconds: dict[str, float] = {}
        self._scheduler = BackgroundScheduler(timezone=UTC, daemon=True)

    def every(self, seconds: float, alarm: Alarm, name: str) -> None:
        """Ring `alarm` every so many seconds; rings that were missed count once."""
        self._seconds[name] = seconds
        self._scheduler.add_job(
            alarm.ring, "interval", seconds=seconds, id=name, coalesce=True, misfire_grace_time=None
        )

    def start(self) -> None:
        self._scheduler.start()

    def guard(self) -> bool:
        """Re-arm every timer if somebody set the wall clock; True when that was so.

        To be called about once a second: the scheduler holds due times of the old clock, and after a step back
        of a year would sleep for a year.
        """
        offset_s = self._offset()
        if abs(offset_s - self._offset_s) <= MAX_DRIFT_S:
            return False
        self._offset_s = offset_s
        for name, seconds in self._seconds.items():
            self._scheduler.reschedule_job(name, trigger="interval", seconds=seconds)
        return True

    def next_due_s(self, name: str) -> float:
        """Wall second at which a timer will ring."""
        return float(self._scheduler.get_job(name).next_run_time.timestamp())

    def stop(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _offset(self) -> float:
        return self._clock.wall_s() - self._clock.boot_s()
