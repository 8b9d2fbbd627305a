"""Readers that send a card's number down a serial line by themselves: RDM6300, ID-12, ID-20, hex lines."""

from __future__ import annotations

import contextlib
import errno
import logging
import termios
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import serial

from checkin import detect
from checkin.lines import LineParser
from checkin.reader import FORGET_AFTER_S, ReaderGone, TagRead

log = logging.getLogger(__name__)

BAUD = 9600


class SerialDriver:
    """Some repeat the number while the card is there, some send it once: silence is no proof of absence."""

    continuous = False

    def __init__(self, path: str, baud: int = BAUD, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._now_s = now_s
        self._heard_s = 0.0
        self._baud = baud
        self._port: serial.Serial | None = None
        self._parser = LineParser()
        self._read: deque[TagRead] = deque()

    @property
    def where(self) -> str:
        return f"serial:{self._path}"

    def plugged(self) -> bool:
        return Path(self._path).exists()

    def open(self) -> str:
        self._parser = LineParser()
        self._read.clear()
        try:
            self._port = serial.Serial(self._path, self._baud, timeout=0.1, exclusive=True)
            self._port.reset_input_buffer()
        except (OSError, ValueError, termios.error) as error:
            self.close()
            raise ReaderGone(_explain(error)) from error
        return f"serial reader at {self._path}"

    def poll(self, timeout_s: float) -> TagRead | None:
        """The next whole number; its bytes may trickle in, but half a one followed by silence is forgotten."""
        end_s = time.monotonic() + timeout_s
        while not self._read and (left_s := end_s - time.monotonic()) > 0:
            came = self._receive(left_s)
            if came:
                self._heard_s = self._now_s()
            elif self._now_s() - self._heard_s >= FORGET_AFTER_S:
                self._parser.forget()
            self._read += [TagRead(uid, tech) for uid, tech in self._parser.feed(came)]
        return self._read.popleft() if self._read else None

    def close(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            with contextlib.suppress(OSError, termios.error):
                port.close()

    def _receive(self, timeout_s: float) -> bytes:
        """What came, waiting for the first byte; TypeError is pyserial's word for a port closed under it."""
        if self._port is None:
            raise ReaderGone("it is not open")
        try:
            self._port.timeout = timeout_s
            return bytes(self._port.read(max(1, self._port.in_waiting)))
        except (OSError, TypeError, termios.error) as error:
            raise ReaderGone(f"it is gone ({error})") from error


def _explain(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number == errno.ENOENT:
        return "nothing is plugged in there"
    if number in (errno.EACCES, errno.EPERM):
        return f"no permission: {detect.permit('dialout')}"
    if "exclusively lock" in str(error):
        return "another program holds it: stop that one"
    return f"it does not open as a serial port ({error})"
