"""Readers that pretend to be a keyboard: they type the card's number and Enter. Read from their input node."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import struct
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from checkin import detect
from checkin.reader import FORGET_AFTER_S, ReaderGone, TagRead

EVENT = struct.Struct("llHHi")  # struct input_event: seconds, microseconds, type, code, value
EVENTS_AT_ONCE = 64
EV_KEY, PRESSED = 1, 1
ENTER = (28, 96)
EVIOCGRAB = 0x40044590
LONGEST_NUMBER = 20
ROW = dict(enumerate("1234567890", start=2))
PAD = dict(zip((71, 72, 73, 75, 76, 77, 79, 80, 81, 82), "7894561230", strict=True))
KEYS = ROW | PAD | {30: "A", 48: "B", 46: "C", 32: "D", 18: "E", 33: "F"}


class WedgeDriver:
    """path: /dev/input/by-id/…-event-kbd. Ten digits are a decimal number of four bytes, else they are hex.

    The device is grabbed, so that its digits do not land in the touchscreen's page.
    now_s: any steady clock.
    """

    continuous = False

    def __init__(self, path: str, *, grab: bool = True, now_s: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._grab = grab
        self._now_s = now_s
        self._codes: deque[int] = deque()
        self._heard_s = 0.0
        self._node: int | None = None
        self._rest = b""
        self._typed = ""

    @property
    def where(self) -> str:
        return self._path

    def plugged(self) -> bool:
        return Path(self._path).exists()

    def open(self) -> str:
        self._rest, self._typed = b"", ""
        self._codes.clear()
        try:
            self._node = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            if self._grab:
                fcntl.ioctl(self._node, EVIOCGRAB, 1)
        except OSError as error:
            self.close()
            raise ReaderGone(_explain(error)) from error
        return f"keyboard reader at {self._path}"

    def poll(self, timeout_s: float) -> TagRead | None:
        """The next whole number. What was typed after it is kept: it is the next person's."""
        if not self._codes:
            self._codes += self._pressed(timeout_s)
        while self._codes:
            code = self._codes.popleft()
            if code in ENTER:
                typed, self._typed = self._typed, ""
                uid = number(typed)
                if uid:
                    return TagRead(uid, "hid")
            elif code in KEYS:
                self._typed = (self._typed + KEYS[code])[-LONGEST_NUMBER - 1 :]
        return None

    def close(self) -> None:
        if self._node is not None:
            with contextlib.suppress(OSError):
                os.close(self._node)
        self._node = None

    def _pressed(self, timeout_s: float) -> list[int]:
        """Codes of the keys pressed. Half a number followed by a longer silence is forgotten."""
        if self._node is None:
            raise ReaderGone("it is not open")
        if not select.select([self._node], [], [], timeout_s)[0]:
            if self._now_s() - self._heard_s >= FORGET_AFTER_S:
                self._typed = ""
            return []
        self._heard_s = self._now_s()
        try:
            came = os.read(self._node, EVENT.size * EVENTS_AT_ONCE)
        except OSError as error:
            raise ReaderGone(f"it is gone ({error.strerror})") from error
        if not came:
            raise ReaderGone("it is gone")
        data = self._rest + came
        whole = len(data) - len(data) % EVENT.size
        self._rest = data[whole:]
        events = EVENT.iter_unpack(data[:whole])
        return [code for _, _, kind, code, value in events if kind == EV_KEY and value == PRESSED]


def number(typed: str) -> bytes | None:
    """The typed digits as a card's number, None when they are none."""
    if len(typed) > LONGEST_NUMBER:
        return None
    try:
        if len(typed) == 10 and typed.isdecimal():
            return int(typed).to_bytes(4, "big")
        return bytes.fromhex(typed) if len(typed) >= 8 else None
    except (ValueError, OverflowError):
        return None


def _explain(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "nothing is plugged in there"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"no permission: {detect.permit('input')}"
    if error.errno == errno.EBUSY:
        return "another program has grabbed it: stop that one"
    return f"it does not open as an input device ({error.strerror})"
