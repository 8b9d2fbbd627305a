from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkin.closing import closing_s

PARIS = ZoneInfo("Europe/Paris")


def wall(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).timestamp()


@pytest.mark.parametrize(
    ("now", "closes", "in_s"),
    [
        ("2026-05-04 21:00", "22:30", 5400),
        ("2026-05-04 22:30", "22:30", 86400),
        ("2026-05-04 23:00", "01:00", 7200),
        ("2026-03-28 23:00", "22:30", 84600 - 3600),  # the night the clocks go forward
    ],
)
def test_next_closing_time_on_the_boot_clock(now: str, closes: str, in_s: float) -> None:
    assert closing_s(closes, boot_s=100.0, wall_s=wall(now), zone=PARIS) == 100.0 + in_s


def test_no_closing_time() -> None:
    assert closing_s("", boot_s=1.0, wall_s=wall("2026-05-04 21:00")) is None


def test_a_clock_that_was_never_set_closes_nothing() -> None:
    assert closing_s("22:30", boot_s=1.0, wall_s=3600.0) is None


@given(wall_s=st.floats(min_value=1.75e9, max_value=4e9), hour=st.integers(0, 23), minute=st.integers(0, 59))
def test_it_is_ahead_and_within_a_day_and_a_clock_change(wall_s: float, hour: int, minute: int) -> None:
    end_s = closing_s(f"{hour:02}:{minute:02}", boot_s=0.0, wall_s=wall_s, zone=PARIS)
    assert end_s is not None
    assert 0 < end_s <= 25 * 3600 + 1e-3
