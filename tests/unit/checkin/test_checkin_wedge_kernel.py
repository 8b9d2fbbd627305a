"""The grab on a keyboard of the kernel's own: digits of cards reach us and nobody else, as long as we read."""

from __future__ import annotations

import fcntl
import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from checkin.reader import ReaderGone, TagRead
from checkin.wedge_driver import ENTER, EV_KEY, EVENT, EVIOCGRAB, KEYS, WedgeDriver
from tests.patience import PATIENCE_S
from tests.reader_process import ReaderProcess
from tests.virtual_keyboard import UINPUT, VirtualKeyboard

pytestmark = pytest.mark.skipif(
    not os.access(UINPUT, os.W_OK), reason="needs root and the kernel's uinput: sudo modprobe uinput"
)

CODES = {digit: code for code, digit in reversed(KEYS.items())}
CARD = TagRead((3611630).to_bytes(4, "big"), "hid")
QUIET_S = 0.3


@pytest.fixture
def keyboard() -> Iterator[VirtualKeyboard]:
    keyboard = VirtualKeyboard()
    yield keyboard
    keyboard.unplug()


@pytest.fixture
def driver(keyboard: VirtualKeyboard) -> Iterator[WedgeDriver]:
    driver = WedgeDriver(str(keyboard.node))
    driver.open()
    yield driver
    driver.close()


@contextmanager
def listening(keyboard: VirtualKeyboard, *, alone: bool = False) -> Iterator[int]:
    """Somebody else at the same keyboard, as the touchscreen's compositor is. alone: with a grab of its own, so that
    no digits fall into the window of whoever runs this."""
    ear = os.open(keyboard.node, os.O_RDONLY | os.O_NONBLOCK)
    if alone:
        fcntl.ioctl(ear, EVIOCGRAB, 1)
    yield ear
    os.close(ear)


def hold_card(keyboard: VirtualKeyboard) -> None:
    keyboard.press([*(CODES[digit] for digit in "0003611630"), ENTER[0]])


def read_card(driver: WedgeDriver) -> TagRead | None:
    """The kernel hands the events over one by one, so a poll may see but the first."""
    for _ in range(100):
        if (tag := driver.poll(PATIENCE_S / 100)) is not None:
            return tag
    return None


def keys_heard(ear: int) -> int:
    if not select.select([ear], [], [], QUIET_S)[0]:
        return 0
    events = EVENT.iter_unpack(os.read(ear, EVENT.size * 256))
    return sum(kind == EV_KEY and value == 1 for _, _, kind, _, value in events)


def test_a_card_is_read_and_nobody_else_hears_it(keyboard: VirtualKeyboard, driver: WedgeDriver) -> None:
    with listening(keyboard) as ear:
        hold_card(keyboard)
        assert read_card(driver) == CARD
        assert keys_heard(ear) == 0


def test_once_it_is_let_go_the_keyboard_is_everybodys(keyboard: VirtualKeyboard, driver: WedgeDriver) -> None:
    driver.close()
    with listening(keyboard, alone=True) as ear:
        hold_card(keyboard)
        assert keys_heard(ear) > 0


def test_a_keyboard_that_another_has_grabbed_is_left_alone(keyboard: VirtualKeyboard, driver: WedgeDriver) -> None:
    with pytest.raises(ReaderGone, match="another program has grabbed it"):
        WedgeDriver(str(keyboard.node)).open()
    hold_card(keyboard)
    assert read_card(driver) == CARD


def test_pulled_out_it_is_gone(keyboard: VirtualKeyboard) -> None:
    driver = WedgeDriver(str(keyboard.node))
    driver.open()
    keyboard.unplug()
    with pytest.raises(ReaderGone, match="it is gone"):
        driver.poll(PATIENCE_S)
    driver.close()
    assert not driver.plugged()
    keyboard.__init__()  # type: ignore[misc]  # and in again, under whatever name comes
    again = WedgeDriver(str(keyboard.node))
    again.open()
    hold_card(keyboard)
    assert read_card(again) == CARD
    again.close()


@pytest.mark.processes
def test_from_a_key_to_a_row_and_a_killed_process_holds_nothing(keyboard: VirtualKeyboard, tmp_path: Path) -> None:
    box = ReaderProcess(tmp_path, str(keyboard.node))
    box.ready()
    with listening(keyboard) as ear:
        hold_card(keyboard)
        assert box.next_tap().outcome == "in"
        assert keys_heard(ear) == 0
    box.process.kill()
    box.process.communicate()
    with listening(keyboard, alone=True) as ear:
        hold_card(keyboard)
        assert keys_heard(ear) > 0
    box.store.close()
