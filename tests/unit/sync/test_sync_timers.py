from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance.clock import ManualClock, SystemClock
from sync.timers import Alarm, Timers

YEARS_10 = 10 * 365 * 86_400.0


@pytest.fixture
def timers(clock: ManualClock) -> Iterator[Timers]:
    made = Timers(clock)
    made.every(10.0, Alarm(), "heartbeat")
    made.start()
    yield made
    made.stop()


def test_an_alarm_rings_until_it_is_taken() -> None:
    alarm = Alarm()
    assert not alarm.take()
    alarm.ring()
    alarm.ring()
    assert (alarm.take(), alarm.take()) == (True, False)


@pytest.mark.parametrize("jump_s", [YEARS_10, -YEARS_10, 3.0, -3.0])
def test_a_clock_that_was_set_re_arms_every_timer_once(timers: Timers, clock: ManualClock, jump_s: float) -> None:
    before_s = timers.next_due_s("heartbeat")
    clock.set_wall(clock.wall + jump_s)
    assert timers.guard()
    assert not timers.guard()
    assert before_s < timers.next_due_s("heartbeat") <= SystemClock().wall_s() + 10.0, "at most a period late"


def test_time_that_passes_and_clocks_that_drift_a_little_are_left_alone(timers: Timers, clock: ManualClock) -> None:
    before_s = timers.next_due_s("heartbeat")
    clock.advance(3600)
    clock.set_wall(clock.wall + 1.5)
    assert not timers.guard()
    assert timers.next_due_s("heartbeat") == before_s


def test_timers_that_were_never_started_stop_quietly() -> None:
    Timers(SystemClock()).stop()
