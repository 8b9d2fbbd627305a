from __future__ import annotations

import time

import pytest

from appliance.clock import ManualClock
from sync.throttle import Throttle

NOON_S = 1_800_014_400.0 - 1_800_014_400.0 % 86_400 + 12 * 3600


def local(clock: ManualClock, rate: int, hours: str) -> Throttle:
    return Throttle(clock, rate, hours, local=time.gmtime)


def test_without_a_rate_nobody_waits(clock: ManualClock) -> None:
    assert Throttle(clock).wait_s(1 << 30) == 0


def test_what_comes_is_brought_down_to_the_rate(clock: ManualClock) -> None:
    throttle = local(clock, 64, "")
    waited = 0.0
    for _ in range(100):
        wait_s = throttle.wait_s(64 << 10)
        waited += wait_s
        clock.advance(wait_s)
    assert waited == pytest.approx(100, abs=1.1)
    clock.advance(3600)
    assert throttle.wait_s(64 << 10) == 0, "a second's worth is saved up"
    assert throttle.wait_s(640 << 10) == pytest.approx(10), "and no more than that"


@pytest.mark.parametrize(
    ("hours", "hour", "holds"),
    [
        ("08:00-20:00", 12, True), ("08:00-20:00", 21, False), ("08:00-20:00", 20, False), ("08:00-20:00", 8, True),
        ("22:00-06:00", 23, True), ("22:00-06:00", 5, True), ("22:00-06:00", 12, False),
    ],
)  # fmt: skip
def test_the_hours_may_go_over_midnight(clock: ManualClock, hours: str, hour: int, holds: bool) -> None:
    clock.set_wall(NOON_S + (hour - 12) * 3600)
    assert bool(local(clock, 1, hours).wait_s(1 << 20)) == holds


def test_by_a_clock_that_was_never_set_the_limit_always_holds(clock: ManualClock) -> None:
    clock.set_wall(12 * 3600.0)
    assert local(clock, 1, "22:00-06:00").wait_s(1 << 20) > 0
