"""The staff's door: five tries, then a wait that doubles and survives whatever is pulled out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import ManualClock
from appliance.ui.durations import waiting_time
from appliance.ui.english import ENGLISH
from appliance.ui.guard import FREE_TRIES, PinGuard, wait_after
from appliance.ui.pin import PinPad

PIN = "2468"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ui-pin.json"


@pytest.fixture
def guard(file: Path, clock: ManualClock) -> PinGuard:
    return PinGuard(PIN, file, clock)


def fail(guard: PinGuard, times: int) -> None:
    for _ in range(times):
        assert not guard.admits("0000")


def test_the_pin_opens_and_others_do_not(guard: PinGuard) -> None:
    assert not guard.admits("2469")
    assert not guard.admits("246")
    assert not guard.admits("24680")
    assert not guard.admits("²468")
    assert guard.admits(PIN)


def test_no_pin_set_lets_nobody_in(file: Path, clock: ManualClock) -> None:
    guard = PinGuard("", file, clock)
    assert not guard.enabled
    assert not guard.admits("")


def test_four_wrong_pins_cost_nothing(guard: PinGuard) -> None:
    fail(guard, 4)
    assert guard.wait_s() == 0
    assert guard.tries_left() == 1
    assert guard.admits(PIN)


def test_the_fifth_costs_thirty_seconds_even_for_the_right_pin(guard: PinGuard, clock: ManualClock) -> None:
    fail(guard, 5)
    assert guard.wait_s() == 30
    assert not guard.admits(PIN)
    clock.advance(29.9)
    assert not guard.admits(PIN)
    clock.advance(0.2)
    assert guard.admits(PIN)


def test_each_further_one_doubles_it(guard: PinGuard, clock: ManualClock) -> None:
    fail(guard, 5)
    waits = []
    for _ in range(9):
        waits.append(guard.wait_s())
        clock.advance(guard.wait_s())
        fail(guard, 1)
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_trying_during_the_wait_makes_it_no_longer(guard: PinGuard) -> None:
    fail(guard, 5)
    fail(guard, 20)
    assert guard.wait_s() == 30


def test_the_right_pin_forgets_the_wrong_ones(guard: PinGuard) -> None:
    fail(guard, 4)
    assert guard.admits(PIN)
    assert guard.tries_left() == FREE_TRIES


def test_a_restart_gives_no_new_tries(guard: PinGuard, file: Path, clock: ManualClock) -> None:
    fail(guard, 4)
    fail(PinGuard(PIN, file, clock), 1)
    clock.advance(10)
    assert PinGuard(PIN, file, clock).wait_s() == 20


def test_a_power_cut_starts_the_wait_again(guard: PinGuard, file: Path, clock: ManualClock) -> None:
    fail(guard, 5)
    clock.advance(30)
    fail(guard, 1)
    after = PinGuard(PIN, file, ManualClock(boot=5.0, boot_id="next-boot"))
    assert after.wait_s() == 60
    assert not after.admits(PIN)


def test_a_try_is_counted_before_it_is_compared(guard: PinGuard, file: Path, clock: ManualClock) -> None:
    class PulledPlug(Exception):
        pass

    class Plugged(str):
        def encode(self, *_: str) -> bytes:
            raise PulledPlug

    with pytest.raises(PulledPlug):
        guard.admits(Plugged("0000"))
    assert PinGuard(PIN, file, clock).tries_left() == FREE_TRIES - 1


@pytest.mark.parametrize("torn", ["", "{", "[]", "{}", '{"failures": "x", "boot_id": "", "until_s": 0}', "\0\0\0"])
def test_a_torn_file_counts_as_five_wrong_pins(file: Path, clock: ManualClock, torn: str) -> None:
    file.write_text(torn)
    assert PinGuard(PIN, file, clock).wait_s() == 30


def test_a_disk_that_takes_nothing_still_counts(tmp_path: Path, clock: ManualClock) -> None:
    guard = PinGuard(PIN, tmp_path / "missing" / "ui-pin.json", clock)
    fail(guard, 5)
    assert not guard.admits(PIN)


def test_the_file_holds_no_pin(guard: PinGuard, file: Path) -> None:
    guard.admits("1357")
    assert "1357" not in file.read_text()
    assert PIN not in file.read_text()
    assert json.loads(file.read_text())["failures"] == 1


@given(st.integers(min_value=0, max_value=10_000))
def test_waits_never_shrink_and_never_pass_an_hour(failures: int) -> None:
    assert 0 <= wait_after(failures) <= wait_after(failures + 1) <= 3600


def test_the_pad_shows_dots_and_says_what_is_wrong(guard: PinGuard) -> None:
    pad = PinPad(guard, ENGLISH)
    for digit in "135":
        pad.press(digit)
    assert (pad.dots, pad.message) == ("•••", "")
    assert not pad.enter()
    assert pad.message == "That is not the PIN. 4 tries left"
    pad.press("1")
    assert (pad.dots, pad.message) == ("•", "")
    pad.clear()
    assert pad.dots == "–"


def test_an_empty_pad_is_no_try(guard: PinGuard) -> None:
    pad = PinPad(guard, ENGLISH)
    assert not pad.enter()
    assert guard.tries_left() == FREE_TRIES


def test_a_shut_pad_takes_no_digits_and_counts_down(guard: PinGuard, clock: ManualClock) -> None:
    pad = PinPad(guard, ENGLISH)
    fail(guard, 5)
    pad.press("2")
    assert (pad.entered, pad.message) == ("", "Wait 0:30, then try again")
    clock.advance(29.5)
    assert pad.message == "Wait 0:01, then try again"
    clock.advance(0.5)
    for digit in PIN:
        pad.press(digit)
    assert pad.enter()


def test_a_pad_takes_eight_digits_at_most(guard: PinGuard) -> None:
    pad = PinPad(guard, ENGLISH)
    for _ in range(12):
        pad.press("1")
    assert len(pad.entered) == 8


def test_a_wait_is_said_in_minutes_and_seconds() -> None:
    assert [waiting_time(seconds) for seconds in (0.1, 30, 61, 3600)] == ["0:01", "0:30", "1:01", "60:00"]
