from __future__ import annotations

import os
import random
import threading
import tty
from collections.abc import Iterator
from contextlib import suppress
from functools import reduce
from operator import xor
from pathlib import Path

import pytest

from appliance.clock import ManualClock
from checkin.reader import FORGET_AFTER_S, ReaderGone, TagRead
from checkin.serial_driver import SerialDriver

CARD = bytes.fromhex("0a00112233")


def frame(raw: bytes) -> bytes:
    return b"\x02" + raw.hex().upper().encode() + b"%02X" % reduce(xor, raw) + b"\x03"


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    """The reader's end of a serial line, and the path of ours."""
    reader, port = os.openpty()
    tty.setraw(port)
    yield reader, os.ttyname(port)
    for end in (reader, port):
        with suppress(OSError):
            os.close(end)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def driver(line: tuple[int, str], clock: ManualClock) -> Iterator[SerialDriver]:
    driver = SerialDriver(line[1], now_s=clock.boot_s)
    driver.open()
    yield driver
    driver.close()


def read_all(driver: SerialDriver) -> list[TagRead]:
    found = []
    while tag := driver.poll(0.1):
        found.append(tag)
    return found


def test_a_frame_is_a_read_and_silence_is_none(line: tuple[int, str], driver: SerialDriver) -> None:
    assert driver.poll(0.01) is None
    os.write(line[0], frame(CARD))
    assert driver.poll(1.0) == TagRead(CARD, "em125k")
    assert driver.poll(0.01) is None


def test_a_repeating_reader_reads_each_time(line: tuple[int, str], driver: SerialDriver) -> None:
    os.write(line[0], frame(CARD) * 3 + b"04A1B2C3D4E5F6\r\n")
    assert read_all(driver) == [TagRead(CARD, "em125k")] * 3 + [TagRead(bytes.fromhex("04a1b2c3d4e5f6"), "hex")]


def test_noise_and_broken_frames_are_no_read(line: tuple[int, str], driver: SerialDriver) -> None:
    broken = bytearray(frame(CARD))
    broken[5] ^= 1
    os.write(line[0], b"\xff\x00\x13" + bytes(broken) + frame(CARD)[:7])
    assert driver.poll(0.05) is None
    os.write(line[0], frame(CARD))
    assert driver.poll(1.0) == TagRead(CARD, "em125k")


def test_pulled_out_it_is_gone_and_leaves_nothing_open() -> None:
    for _ in range(50):
        reader, port = os.openpty()
        tty.setraw(port)
        driver = SerialDriver(os.ttyname(port))
        driver.open()
        os.close(port)
        os.close(reader)
        with pytest.raises(ReaderGone):
            driver.poll(0.2)
        driver.close()
        files = len(list(Path("/proc/self/fd").iterdir()))
    again = len(list(Path("/proc/self/fd").iterdir()))
    assert again == files


def test_half_a_line_and_then_silence_does_not_begin_the_next_card(
    line: tuple[int, str], driver: SerialDriver, clock: ManualClock
) -> None:
    os.write(line[0], b"04A1")
    assert driver.poll(0.05) is None
    clock.advance(FORGET_AFTER_S)
    assert driver.poll(0.01) is None
    os.write(line[0], b"04A1B2C3\r\n")
    assert driver.poll(1.0) == TagRead(bytes.fromhex("04a1b2c3"), "hex")


def test_a_flood_is_no_card_and_the_next_one_is_read(line: tuple[int, str], driver: SerialDriver) -> None:
    dice = random.Random(8)
    hand = threading.Thread(target=lambda: [os.write(line[0], dice.randbytes(4096)) for _ in range(16)])
    hand.start()
    seen = []
    while hand.is_alive():
        seen.append(driver.poll(0.05))
    hand.join()
    os.write(line[0], b"\r" + frame(CARD))
    while (tag := driver.poll(0.05)) != TagRead(CARD, "em125k"):
        seen.append(tag)
    assert not any(tag and tag.tech == "em125k" for tag in seen), "a summed number does not come by chance"


def test_two_processes_do_not_share_its_bytes(line: tuple[int, str], driver: SerialDriver) -> None:
    with pytest.raises(ReaderGone, match="another program"):
        SerialDriver(line[1]).open()


@pytest.mark.parametrize(
    ("path", "words"), [("/dev/ttyUSB77", "nothing is plugged in"), ("/etc/passwd", "serial port")]
)
def test_what_is_no_port_is_said(path: str, words: str) -> None:
    with pytest.raises(ReaderGone, match=words):
        SerialDriver(path).open()
