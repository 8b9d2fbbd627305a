from __future__ import annotations

import logging
from itertools import groupby

import pytest

from appliance.clock import ManualClock
from checkin.attendant import LOOK_EVERY_S, LOOK_FOR_PLUG_S, MOST_REASONS, Attendant, ReaderState, Tap
from checkin.backoff import Backoff
from checkin.reader import ReaderGone, TagRead
from checkin.scripted import ScriptedReader

A = TagRead(b"\x04aaaaaa", "nfca")


class Cable:
    """A reader on a cable that can be pulled; shows `tag` while it is plugged."""

    where = "cable"
    continuous = True

    def __init__(self) -> None:
        self.in_socket = True
        self.tag: TagRead | None = None
        self.bug: Exception | None = None
        self.opened = 0
        self.is_open = False

    def plugged(self) -> bool:
        return self.in_socket

    def open(self) -> str:
        self.opened += 1
        if not self.in_socket:
            raise ReaderGone("no such device")
        assert not self.is_open, "opened twice"
        self.is_open = True
        return "a reader"

    def poll(self, timeout_s: float) -> TagRead | None:
        assert self.is_open
        if self.bug:
            raise self.bug
        if not self.in_socket:
            raise ReaderGone("pulled out")
        return self.tag

    def close(self) -> None:
        self.is_open = False


class Bench:
    """An attendant on a clock moved by hand."""

    def __init__(self, cable: Cable) -> None:
        self.clock = ManualClock()
        self.cable = cable
        self.reports: list[Tap | ReaderState] = []
        self.attendant = Attendant(cable, self.clock, self.reports.append)

    def run(self, seconds: float) -> None:
        end_s = self.clock.boot_s() + seconds
        while self.clock.boot_s() < end_s:
            self.clock.advance(max(self.attendant.step(), 0.001))

    @property
    def states(self) -> list[str]:
        """Its states in order; another reason for the same one is no new state."""
        return [state for state, _ in groupby(one.state for one in self.reports if isinstance(one, ReaderState))]

    @property
    def taps(self) -> list[Tap]:
        return [report for report in self.reports if isinstance(report, Tap)]


def test_a_tap_carries_the_moment_of_the_read() -> None:
    bench = Bench(Cable())
    bench.run(1.0)
    bench.cable.tag = A
    read_ms = round(bench.clock.boot_s() * 1000)
    bench.attendant.step()
    bench.clock.advance(5.0)
    assert [(tap.tag, tap.boot_ms) for tap in bench.taps] == [(A, read_ms)]
    assert bench.taps[0].tap_id


def test_it_looks_about_fourteen_times_a_second_and_not_more() -> None:
    bench = Bench(Cable())
    bench.attendant.step()
    assert bench.attendant.step() == pytest.approx(LOOK_EVERY_S)


def test_pulled_and_plugged_again(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(Cable())
    bench.run(1.0)
    bench.cable.in_socket = False
    bench.run(120.0)
    assert bench.states == ["ready", "absent"]
    bench.cable.in_socket = True
    bench.run(LOOK_FOR_PLUG_S + 0.1)
    assert bench.states == ["ready", "absent", "ready"], "a plug is seen long before the back-off is over"
    assert [record.levelname for record in caplog.records] == ["WARNING"], "its loss is said once"


def test_a_reader_that_was_never_there_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    cable = Cable()
    cable.in_socket = False
    Bench(cable).run(120.0)
    assert caplog.messages == ["reader cable is absent: no such device"], "where once, and why"


def test_there_again_but_not_to_be_opened_says_each_reason_once(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(Cable())
    for why in ("mute", "no permission", "mute", "no permission"):
        bench.cable.bug = ReaderGone(why)
        bench.run(60.0)
    assert [message.partition("absent: ")[2] for message in caplog.messages] == ["mute", "no permission"]


def test_reasons_without_end_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(Cable())
    for number in range(50):
        bench.cable.bug = ReaderGone(f"noise {number}")
        bench.run(60.0)
    assert len(caplog.messages) == MOST_REASONS


def test_back_off_while_it_is_plugged_but_will_not_open() -> None:
    cable = Cable()
    cable.bug = ReaderGone("mute")
    bench = Bench(cable)
    bench.run(100.0)
    assert 7 <= cable.opened <= 10, "0.5 + 1 + 2 + 4 + 8 + 16 + 30 + 30 s"


def test_the_back_off_begins_again_once_it_worked() -> None:
    backoff = Backoff()
    assert [backoff.failed() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    backoff.worked()
    assert backoff.failed() == 0.5


def test_a_drivers_bug_is_a_failed_reader_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(Cable())
    bench.run(1.0)
    bench.cable.bug = IndexError("frame")
    bench.run(10.0)
    assert bench.states[-1] == "failed"
    assert not bench.cable.is_open
    bench.cable.bug = None
    bench.run(31.0)
    assert bench.states[-1] == "ready"
    assert "IndexError" in caplog.text


def test_a_hundred_replugs_leave_nothing_behind() -> None:
    bench = Bench(Cable())
    for _ in range(100):
        bench.cable.in_socket = True
        bench.run(1.0)
        bench.cable.in_socket = False
        bench.run(1.0)
    assert bench.states == ["ready", "absent"] * 100
    assert not bench.cable.is_open


def test_typed_taps_are_not_debounced() -> None:
    clock = ManualClock()
    reports: list[Tap | ReaderState] = []
    typed = [(0.0, TagRead(A.uid, A.tech, tap_id=f"tap {n}")) for n in range(5)]
    attendant = Attendant(ScriptedReader(typed, clock.boot_s), clock, reports.append)
    for _ in range(10):
        attendant.step()
    assert [report.tap_id for report in reports if isinstance(report, Tap)] == [f"tap {n}" for n in range(5)]


def test_a_card_that_lay_there_before_the_first_look_is_told_from_one_that_came() -> None:
    cable = Cable()
    cable.tag = A
    bench = Bench(cable)
    bench.run(1.0)
    cable.tag = None
    bench.run(5.0)
    cable.tag = A
    bench.run(1.0)
    assert [tap.tag.lay_there for tap in bench.taps] == [True, False]


def test_a_reader_that_repeats_a_card_repeats_it_to_a_new_process_too() -> None:
    clock = ManualClock()
    reports: list[Tap | ReaderState] = []
    attendant = Attendant(ScriptedReader([(0.2, A), (9.0, A)], clock.boot_s), clock, reports.append)
    for _ in range(100):
        attendant.step()
        clock.advance(0.1)
    assert [one.tag.lay_there for one in reports if isinstance(one, Tap)] == [True, False]


def test_closing_lets_go_of_the_device(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bench = Bench(Cable())
    bench.run(0.5)
    bench.attendant.close()
    assert not bench.cable.is_open


def test_a_driver_that_will_not_even_close_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    class Stuck(Cable):
        def close(self) -> None:
            super().close()
            raise RuntimeError("stuck")

    bench = Bench(Stuck())
    bench.run(0.5)
    bench.cable.in_socket = False
    bench.run(2.0)
    bench.cable.in_socket = True
    bench.run(2.0)
    assert bench.states == ["ready", "absent", "ready"]
    assert "did not close" in caplog.text
