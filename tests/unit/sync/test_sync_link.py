from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import ManualClock
from appliance.store import Store
from sync.backoff import backoff_s
from sync.errors import LinkDown, NotTheCloud
from sync.link import SILENCE_S, Link
from sync.pace import Pace
from sync.worker import Worker
from tests.patience import PATIENCE_S


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


class TimedLink(Link):
    """Sleeps by moving the clock; what a sleeper sleeps through is done at its moment."""

    def __init__(self, clock: ManualClock, *, seed: int = 1) -> None:
        super().__init__(clock, Random(seed))
        self._time = clock
        self.later: list[tuple[float, Callable[[], object]]] = []
        self.slept_s: list[float] = []

    def _sleep(self, seconds: float, *, until_back: bool) -> None:
        self.slept_s.append(seconds)
        end_s = self._time.boot_s() + seconds
        for at_s, act in [item for item in self.later if item[0] <= end_s]:
            self._time.advance(max(at_s - self._time.boot_s(), 0))
            self.later.remove((at_s, act))
            act()
        self._time.advance(max(end_s - self._time.boot_s(), 0))


@pytest.mark.parametrize("seed", range(20))
def test_what_the_cloud_asked_one_for_all_keep_and_spread_beyond(clock: ManualClock, seed: int) -> None:
    link, start_s = TimedLink(clock, seed=seed), clock.boot_s()
    link.later = [(start_s + 1, link.worked)]  # others are still being answered
    link.pause(0, 60.0)  # the thread that was asked
    assert 60.0 <= clock.boot_s() - start_s <= 75.0
    link._be_patient(60.0)
    start_s = clock.boot_s()
    link.hold()  # any other, before it asks
    assert 60.0 <= clock.boot_s() - start_s <= 75.0


def test_who_was_not_asked_for_patience_holds_nothing(clock: ManualClock) -> None:
    link = TimedLink(clock)
    link.hold()
    link.check_patience()
    link.pause(0)
    link.hold()
    assert (len(link.slept_s), link.patience_s) == (1, 0.0), "a back-off is the thread's own"


def test_the_longest_patience_holds_and_a_new_one_is_kept_by_those_who_wait(clock: ManualClock) -> None:
    link, start_s = TimedLink(clock), clock.boot_s()
    link._be_patient(60.0)
    link._be_patient(5.0)
    assert link.patience_s == 60.0
    link.later = [(start_s + 60.5, lambda: link._be_patient(100.0))]  # the first to ask again is put off again
    link.hold()
    assert clock.boot_s() - start_s >= 160.5


def test_a_question_that_is_about_to_be_asked_is_not_when_patience_was_asked_for_meanwhile(clock: ManualClock) -> None:
    link = TimedLink(clock)
    link.worked()
    link._be_patient(30.0)
    with pytest.raises(LinkDown, match="patience: 30 s more") as refusal:
        link.check_patience()
    assert not link.failed(refusal.value), "which says nothing of the link"
    clock.advance(30.0)
    link.check_patience()


def test_threads_that_ask_the_cloud_wait_and_one_that_does_not_goes_on(clock: ManualClock, store: Store) -> None:
    link, asked = TimedLink(clock), []

    def refused(_: Store) -> None:
        asked.append(("push", clock.boot_s()))
        raise LinkDown("503", retry_after_s=60.0, answered=True)

    def note(name: str) -> Callable[[Store], None]:
        return lambda _: asked.append((name, clock.boot_s()))

    def turn(name: str, step: Callable[[Store], None], *, asks_cloud: bool = True) -> None:
        Worker(name, lambda _: store, step, link, asks_cloud=asks_cloud)._try_step(store, 0)

    start_s = clock.boot_s()
    link.later = [
        (start_s + 1, lambda: turn("prepare", note("prepare"), asks_cloud=False)),
        (start_s + 2, lambda: turn("pull", note("pull"))),
    ]
    turn("push", refused)
    turn("media", note("media"))
    at_s = {name: at - start_s for name, at in asked}
    assert (at_s["push"], at_s["prepare"]) == (0.0, 1.0)
    assert at_s["pull"] >= 60.0 and at_s["media"] >= 60.0


def test_patience_that_was_asked_for_ends_when_the_process_does(clock: ManualClock) -> None:
    link = Link(clock)
    waiting = threading.Thread(target=link.pause, args=(0, 300.0), daemon=True)
    waiting.start()
    link.wake()
    waiting.join(PATIENCE_S)
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
