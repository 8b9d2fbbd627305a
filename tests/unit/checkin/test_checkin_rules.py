from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from checkin.rules import MIN_STAY_S, NAMES, STAY_S, decide, expiry_s, friendly_name

times = st.floats(min_value=0, max_value=1e9)
spans = st.floats(min_value=0, max_value=2 * STAY_S)


@given(now_s=times)
def test_nobody_here_means_in_for_an_hour(now_s: float) -> None:
    decision = decide(None, None, now_s=now_s)
    assert decision.outcome == "in"
    assert decision.expires_s == now_s + STAY_S


@given(since_s=times, been_here_s=spans)
def test_second_tap_stays_within_the_minimum_and_leaves_after_it(since_s: float, been_here_s: float) -> None:
    now_s = since_s + been_here_s
    decision = decide(since_s, now_s + 1.0, now_s=now_s)
    if now_s - since_s < MIN_STAY_S:
        assert decision.outcome == "stay"
        assert decision.expires_s == now_s + STAY_S
    else:
        assert decision.outcome == "out"
        assert decision.expires_s == now_s


@given(since_s=times, been_here_s=spans)
def test_a_card_that_only_lies_there_never_takes_its_owner_away(since_s: float, been_here_s: float) -> None:
    now_s = since_s + been_here_s
    assert decide(since_s, now_s + 1.0, now_s=now_s, may_leave=False).outcome == "stay"
    assert decide(None, None, now_s=now_s, may_leave=False).outcome == "in"


@given(since_s=times, passed_s=spans)
def test_a_passed_stay_is_none(since_s: float, passed_s: float) -> None:
    assert decide(since_s, since_s + 1.0, now_s=since_s + 1.0 + passed_s).outcome == "in"


@given(now_s=times, closing_s=st.one_of(st.none(), times))
def test_no_stay_outlives_closing_time_nor_ends_before_it_began(now_s: float, closing_s: float | None) -> None:
    end_s = expiry_s(now_s, closing_s)
    assert now_s <= end_s <= now_s + STAY_S
    if closing_s is not None and closing_s >= now_s:
        assert end_s <= closing_s


@given(gaps_s=st.lists(st.floats(min_value=0.1, max_value=2 * STAY_S), min_size=1, max_size=30))
def test_any_row_of_taps_opens_before_it_closes(gaps_s: list[float]) -> None:
    now_s, stay = 0.0, None
    for gap_s in gaps_s:
        now_s += gap_s
        decision = decide(*(stay or (None, None)), now_s=now_s)
        open_now = stay is not None and stay[1] > now_s
        assert (decision.outcome == "in") == (not open_now)
        if decision.outcome == "in":
            stay = (now_s, decision.expires_s)
        elif decision.outcome == "stay":
            assert stay is not None
            stay = (stay[0], decision.expires_s)
        else:
            stay = None


@given(profile=st.uuids())
def test_a_name_is_fixed_by_the_id(profile: UUID) -> None:
    assert friendly_name(str(profile)) == friendly_name(str(profile))
    assert friendly_name(str(profile)) in NAMES


@given(profiles=st.lists(st.uuids(), unique=True, max_size=40), crowd=st.integers(0, 300))
def test_names_in_a_room_differ(profiles: list[UUID], crowd: int) -> None:
    taken = {f"{name} {number}" if number > 1 else name for number in (1, 2) for name in NAMES[:crowd]}
    for profile in profiles:
        name = friendly_name(str(profile), frozenset(taken))
        assert name not in taken
        taken.add(name)


def test_a_full_room_gets_numbers() -> None:
    name = friendly_name("somebody", frozenset(NAMES))
    assert name.endswith(" 2")
    assert friendly_name("somebody", frozenset([*NAMES, name])).endswith(" 3")


def test_names_are_short_and_unique() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 100
    assert all(name.isascii() and name.isalpha() and len(name) <= 12 for name in NAMES)
