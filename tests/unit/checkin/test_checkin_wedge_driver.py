from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkin.reader import ReaderGone, TagRead
from checkin.wedge_driver import ENTER, EV_KEY, EVENT, KEYS, WedgeDriver, number

CODES = {digit: code for code, digit in KEYS.items()}


def typed(text: str) -> bytes:
    """Key events, pressed and let go, for each digit and Enter."""
    codes = [*(CODES[digit] for digit in text), ENTER[0]]
    return b"".join(EVENT.pack(0, 0, EV_KEY, code, value) for code in codes for value in (1, 0))


@pytest.fixture
def keyboard(tmp_path: Path) -> Iterator[tuple[int, WedgeDriver]]:
    """The typing end of a pipe in place of an input node, and the driver on it."""
    node = tmp_path / "event-kbd"
    os.mkfifo(node)
    driver = WedgeDriver(str(node), grab=False)
    driver.open()
    hand = os.open(node, os.O_WRONLY)
    yield hand, driver
    os.close(hand)
    driver.close()


def test_ten_digits_are_a_decimal_number(keyboard: tuple[int, WedgeDriver]) -> None:
    hand, driver = keyboard
    os.write(hand, typed("0003611630"))
    assert driver.poll(1.0) == TagRead((3611630).to_bytes(4, "big"), "hid")
    assert driver.poll(0.0) is None


def test_events_cut_anywhere_are_put_together(keyboard: tuple[int, WedgeDriver]) -> None:
    hand, driver = keyboard
    events = typed("04A1B2C3D4E5F6")
    tags = []
    for at in range(0, len(events), 50):
        os.write(hand, events[at : at + 50])
        tags.append(driver.poll(1.0))
    assert [tag for tag in tags if tag] == [TagRead(bytes.fromhex("04a1b2c3d4e5f6"), "hid")]


def test_half_a_number_is_forgotten_in_silence(keyboard: tuple[int, WedgeDriver]) -> None:
    hand, driver = keyboard
    os.write(hand, typed("04A1")[: -2 * EVENT.size])
    assert driver.poll(1.0) is None
    assert driver.poll(0.0) is None
    os.write(hand, typed("0003611630"))
    assert driver.poll(1.0) == TagRead((3611630).to_bytes(4, "big"), "hid")


def test_a_flood_of_keys_is_no_number(keyboard: tuple[int, WedgeDriver]) -> None:
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
