from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import ManualClock
from checkin.reader import FORGET_AFTER_S, ReaderGone, TagRead
from checkin.wedge_driver import ENTER, EV_KEY, EVENT, KEYS, WedgeDriver, number

CODES = {digit: code for code, digit in reversed(KEYS.items())}
Keyboard = tuple[int, WedgeDriver]


def typed(text: str) -> bytes:
    """Key events, pressed and let go, for each digit and Enter."""
    codes = [*(CODES[digit] for digit in text), ENTER[0]]
    return b"".join(EVENT.pack(0, 0, EV_KEY, code, value) for code in codes for value in (1, 0))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def keyboard(tmp_path: Path, clock: ManualClock) -> Iterator[Keyboard]:
    """The typing end of a pipe in place of an input node, and the driver on it."""
    node = tmp_path / "event-kbd"
    os.mkfifo(node)
    driver = WedgeDriver(str(node), grab=False, now_s=clock.boot_s)
    driver.open()
    hand = os.open(node, os.O_WRONLY)
    yield hand, driver
    os.close(hand)
    driver.close()


def test_ten_digits_are_a_decimal_number(keyboard: Keyboard) -> None:
    hand, driver = keyboard
    os.write(hand, typed("0003611630"))
    assert driver.poll(1.0) == TagRead((3611630).to_bytes(4, "big"), "hid")
    assert driver.poll(0.0) is None


def test_events_cut_anywhere_are_put_together(keyboard: Keyboard) -> None:
    hand, driver = keyboard
    events = typed("04A1B2C3D4E5F6")
    tags = []
    for at in range(0, len(events), 50):
        os.write(hand, events[at : at + 50])
        tags.append(driver.poll(1.0))
    assert [tag for tag in tags if tag] == [TagRead(bytes.fromhex("04a1b2c3d4e5f6"), "hid")]


def test_half_a_number_waits_for_a_slow_typist_and_is_forgotten_in_silence(
    keyboard: Keyboard, clock: ManualClock
) -> None:
    hand, driver = keyboard
    os.write(hand, typed("04A1")[: -2 * EVENT.size])
    assert driver.poll(1.0) is None
    clock.advance(FORGET_AFTER_S - 0.1)
    assert driver.poll(0.0) is None
    os.write(hand, typed("B2C3"))
    assert driver.poll(1.0) == TagRead(bytes.fromhex("04a1b2c3"), "hid")
    os.write(hand, typed("04A1")[: -2 * EVENT.size])
    assert driver.poll(1.0) is None
    clock.advance(FORGET_AFTER_S)
    assert driver.poll(0.0) is None
    os.write(hand, typed("0003611630"))
    assert driver.poll(1.0) == TagRead((3611630).to_bytes(4, "big"), "hid")


def test_two_cards_in_one_breath_are_two(keyboard: Keyboard) -> None:
    hand, driver = keyboard
    os.write(hand, typed("04A1B2C3") + typed("04A1B2C4"))
    assert [driver.poll(1.0), driver.poll(0.0), driver.poll(0.0)] == [
        TagRead(bytes.fromhex("04a1b2c3"), "hid"), TagRead(bytes.fromhex("04a1b2c4"), "hid"), None,
    ]  # fmt: skip


def test_digits_of_the_number_pad_are_digits(keyboard: Keyboard) -> None:
    hand, driver = keyboard
    pad = {"0": 82, "1": 79, "2": 80, "3": 81, "4": 75, "5": 76, "6": 77, "7": 71, "8": 72, "9": 73}
    codes = [*(pad[digit] for digit in "1234567890"), ENTER[1]]
    os.write(hand, b"".join(EVENT.pack(0, 0, EV_KEY, code, 1) for code in codes))
    assert driver.poll(1.0) == TagRead((1234567890).to_bytes(4, "big"), "hid")


def test_a_flood_of_keys_is_no_number(keyboard: Keyboard) -> None:
    hand, driver = keyboard
    os.write(hand, typed("1" * 100))
    assert [driver.poll(0.0) for _ in range(10)] == [None] * 10


def test_pulled_out_it_is_gone(tmp_path: Path) -> None:
    node = tmp_path / "event-kbd"
    os.mkfifo(node)
    driver = WedgeDriver(str(node), grab=False)
    driver.open()
    os.close(os.open(node, os.O_WRONLY))
    with pytest.raises(ReaderGone):
        driver.poll(1.0)
    driver.close()
    node.unlink()
    assert not driver.plugged()
    with pytest.raises(ReaderGone, match="nothing is plugged in"):
        driver.open()


def test_what_cannot_be_grabbed_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ReaderGone, match="input device"):
        WedgeDriver(str(tmp_path / "file")).open()


@given(text=st.text(alphabet="0123456789ABCDEF", max_size=40))
def test_a_number_is_four_to_ten_bytes_or_none(text: str) -> None:
    uid = number(text)
    assert uid is None or 4 <= len(uid) <= 10
