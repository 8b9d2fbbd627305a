"""The fuzz harness of what comes down a line: seeded, so that what it finds comes again."""

from __future__ import annotations

import logging
import os
import random
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from nfc.clf import pn532

import nfc
from appliance.demo.emulated_tag import Tag
from checkin.nfcpy_driver import NfcpyDriver
from checkin.reader import ReaderGone, TagRead
from checkin.wedge_driver import ENTER, EV_KEY, EVENT, KEYS, WedgeDriver
from tests.simulated_pn532 import ACK, Chip, SimulatedPN532

FLIPS = 10_000
UID = bytes.fromhex("04a1b2c3d4e5f6")


class BadLine(SimulatedPN532):
    """A PN532 without a line of its own: every frame it sends may be flipped, torn, doubled or drowned."""

    def __init__(self, dice: random.Random) -> None:
        Chip.__init__(self)
        self.tag = Tag(UID)
        self.mute = False
        self.noise = b""
        self.dice: random.Random | None = None
        self.harm = 0
        self._frames: deque[bytes] = deque()
        self._wild = dice

    def write(self, frame: bytes) -> None:
        self._frames.clear()
        self._take_frames(bytes(frame))

    def read(self, timeout: int) -> bytearray:
        if not self._frames:
            raise OSError(110, "timed out")
        return bytearray(self._frames.popleft())

    def close(self) -> None:
        """Nothing to close."""

    def go_wild(self) -> None:
        self.dice = self._wild

    def _send(self, data: bytes) -> None:
        self._frames += [self._harmed(frame) for frame in (ACK, data[len(ACK) :])]

    def _harmed(self, frame: bytes) -> bytes:
        if self.dice is None or self.dice.random() < 0.8:
            return frame
        self.harm += 1
        kind = self.dice.randrange(5)
        if kind == 0:
            return frame[: self.dice.randrange(len(frame))]
        if kind == 1:
            return self.dice.randbytes(self.dice.randrange(300))
        flipped = bytearray(frame)
        flipped[self.dice.randrange(len(frame))] ^= 1 << self.dice.randrange(8)
        return bytes(flipped)


@pytest.fixture
def line() -> BadLine:
    return BadLine(random.Random(532))


@pytest.fixture
def driver(line: BadLine) -> NfcpyDriver:
    """Our driver with nfcpy's own PN532 code on that line."""
    logging.getLogger("nfc").setLevel(logging.CRITICAL)
    chipset: Any = pn532.Chipset(line, logger=logging.getLogger("nfc.clf.pn532"))
    device: Any = pn532.Device(chipset, logger=logging.getLogger("nfc.clf.pn532"))
    frontend: Any = nfc.ContactlessFrontend()
    frontend.device = device
    driver = NfcpyDriver("/dev/null")
    driver._frontend = frontend
    driver._targets = [nfc.clf.RemoteTarget("106A")]
    return driver


def test_a_bad_line_to_a_pn532_never_makes_another_card(line: BadLine, driver: NfcpyDriver) -> None:
    assert driver.poll(0.1) == TagRead(UID, "nfca")
    line.go_wild()
    seen = set()
    while line.harm < FLIPS:
        try:
            tag = driver.poll(0.1)
        except ReaderGone:
            continue
        seen.add(tag and tag.uid)
    assert UID in seen, "it reads between the bad moments"
    assert seen <= {None, UID}


@pytest.fixture
def keyboard(tmp_path: Path) -> Iterator[SimpleNamespace]:
    node = tmp_path / "event-kbd"
    os.mkfifo(node)
    driver = WedgeDriver(str(node), grab=False)
    driver.open()
    hand = os.open(node, os.O_WRONLY)
    yield SimpleNamespace(driver=driver, type=lambda data: os.write(hand, data))
    os.close(hand)
    driver.close()


def test_ten_thousand_flipped_key_events_are_numbers_or_nothing(keyboard: SimpleNamespace) -> None:
    dice = random.Random(24)
    codes = [*(code for code in KEYS), *ENTER]
    for _ in range(FLIPS // 8):
        events = bytearray(b"".join(EVENT.pack(0, 0, EV_KEY, dice.choice(codes), 1) for _ in range(8)))
        for _ in range(8):
            events[dice.randrange(len(events))] ^= 1 << dice.randrange(8)
        keyboard.type(bytes(events[: dice.randint(1, len(events))]))
        tag = keyboard.driver.poll(0.1)
        assert tag is None or 4 <= len(tag.uid) <= 10
