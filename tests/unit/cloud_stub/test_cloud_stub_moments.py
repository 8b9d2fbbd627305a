from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloud_stub.moments import seconds_or_none, to_seconds, to_text

moments = st.floats(0, 4e9)


@given(moments)
def test_a_moment_survives_as_text_to_the_microsecond(at_s: float) -> None:
    assert abs(to_seconds(to_text(at_s)) - at_s) < 1e-6


@given(moments, moments)
def test_comparing_text_is_comparing_time(a_s: float, b_s: float) -> None:
    if abs(a_s - b_s) > 1e-5:
        assert (to_text(a_s) < to_text(b_s)) == (a_s < b_s)
    assert len(to_text(a_s)) == len(to_text(b_s))


def test_no_text_is_no_moment() -> None:
    assert seconds_or_none(None) is None
    assert seconds_or_none(to_text(12.5)) == 12.5


def test_other_spellings_of_utc_are_read() -> None:
    assert to_seconds("2026-11-21 01:02:03.5+00") == to_seconds("2026-11-21T01:02:03.500000+00:00")
