from __future__ import annotations

import logging
import threading
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import ManualClock
from sync.backoff import backoff_s
from sync.errors import LinkDown, NotTheCloud
from sync.link import SILENCE_S, Link
from sync.pace import Pace


def test_one_failure_is_down_one_answer_is_up_and_each_is_said_once(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    link = Link(clock)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            link.failed(LinkDown("cable"))
        clock.advance(5)
        assert (link.state.link, link.state.why, link.away_s()) == ("down", "cable", 5)
        for _ in range(3):
            link.worked()
    assert (link.state.link, link.state.last_contact_boot_s, link.away_s()) == ("up", 1005, 0)
    assert [record.getMessage() for record in caplog.records] == [
        "the link to the cloud is down: cable",
        "the link to the cloud is back",
    ]


def test_one_call_that_fails_while_others_are_answered_is_not_the_link(clock: ManualClock) -> None:
    link = Link(clock)
    link.worked()
    assert not link.failed(LinkDown("500", answered=True))
    assert link.is_up
    clock.advance(SILENCE_S)
    assert link.failed(LinkDown("500", answered=True))
    assert not link.is_up


def test_a_request_that_outlived_the_outage_does_not_begin_another(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    link = Link(clock)
    link.worked()
    asked_in = link.recoveries  # a long poll on a line that is about to be cut
    link.failed(LinkDown("cable"), link.recoveries)
    link.worked()
    assert link.failed(LinkDown("no answer in time"), asked_in), "it is told, and no worker says it either"
    assert link.is_up
    assert link.failed(LinkDown("cable again"), link.recoveries)
    assert not link.is_up
    said = [record.getMessage() for record in caplog.records]
    assert said == [f"the link to the cloud is {how}" for how in ("down: cable", "back", "down: cable again")]


def test_somebody_elses_answer_is_a_link_that_is_down(clock: ManualClock) -> None:
    link = Link(clock)
    link.worked()
    assert link.failed(NotTheCloud("portal"))
    assert link.state.why == "portal"


def test_a_box_without_a_cloud_says_so(clock: ManualClock) -> None:
    assert Link(clock, configured=False).state.link == "none"


def test_whoever_waits_is_woken_when_the_link_is_back(clock: ManualClock) -> None:
    link = Link(clock, Random(1))
    link.failed(LinkDown("cable"))
    clock.advance(3600)  # away for long: pauses of up to 30 s
    waiting = [threading.Thread(target=link.pause, args=(20,), daemon=True) for _ in range(4)]
    for thread in waiting:
        thread.start()
    link.worked()
    for thread in waiting:
        thread.join(5)
    link.failed(LinkDown("again"))  # a pause that begins only now would hold: wake ends it
    link.wake()
    link.pause(20)
    assert not any(thread.is_alive() for thread in waiting)


def test_what_the_cloud_asked_for_is_kept_and_spread_beyond(clock: ManualClock) -> None:
    slept: list[float] = []
    link = Link(clock, Random(1))
    link._sleep = lambda seconds, until_back: slept.append(seconds)  # type: ignore[method-assign]
    for _ in range(20):
        link.pause(0, 60.0)
    assert all(60.0 <= seconds <= 75.0 for seconds in slept) and len(set(slept)) == 20


def test_patience_that_was_asked_for_ends_when_the_process_does(clock: ManualClock) -> None:
    link = Link(clock)
    waiting = threading.Thread(target=link.pause, args=(0, 300.0), daemon=True)
    waiting.start()
    link.wake()
    waiting.join(5)
    assert not waiting.is_alive()


@given(attempt=st.integers(0, 10_000), away_s=st.floats(0, 1e9), seed=st.integers())
def test_a_pause_is_never_longer_than_its_cap(attempt: int, away_s: float, seed: int) -> None:
    pause_s = backoff_s(attempt, away_s, Random(seed))
    assert 0 <= pause_s <= min(0.25 * 2 ** min(attempt, 20), 2 if away_s < 60 else 30)


@given(gaps=st.lists(st.floats(0, 3), min_size=10, max_size=40))
def test_a_storm_is_held_to_one_a_second_and_a_burst_is_not(gaps: list[float]) -> None:
    clock = ManualClock()
    pace = Pace(clock, burst=5)
    start = clock.boot_s()
    for turn, gap in enumerate(gaps, start=1):
        wait_s = pace.wait_s()
        assert turn > 5 or wait_s == 0
        clock.advance(wait_s + gap)
    assert len(gaps) <= 5 + (clock.boot_s() - start) + 1
