"""A keyboard that the kernel believes in, by its own uinput: what it types goes wherever a real one's would."""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from checkin.wedge_driver import EV_KEY, EVENT

UINPUT = Path("/dev/uinput")
SET_EVENT, SET_KEY, SET_UP, CREATE, DESTROY = 0x40045564, 0x40045565, 0x405C5503, 0x5501, 0x5502
SYSTEM_NAME, NAME_BYTES = 0x8040552C, 64
EV_SYN, SYNC, USB = 0, 0, 3
SETUP = struct.Struct("4H80sI")
EVERY_KEY = range(1, 112)


class VirtualKeyboard:
    """Plugged in from the start. `node`: its input node, as /dev/input has it."""

    def __init__(self, name: str = "Cosound test keyboard") -> None:
        self._line = os.open(UINPUT, os.O_WRONLY | os.O_CLOEXEC)
        fcntl.ioctl(self._line, SET_EVENT, EV_KEY)
        for code in EVERY_KEY:
            fcntl.ioctl(self._line, SET_KEY, code)
        fcntl.ioctl(self._line, SET_UP, SETUP.pack(USB, 0x1D50, 0xC050, 1, name.encode(), 0))
        fcntl.ioctl(self._line, CREATE)
        told = fcntl.ioctl(self._line, SYSTEM_NAME, bytes(NAME_BYTES)).rstrip(b"\0").decode()
        event = next(Path("/sys/class/input", told).glob("event*")).name
        self.node = Path("/dev/input", event)

    def press(self, codes: Iterable[int]) -> None:
        """Each key down and up again, with the marks between that the kernel waits for."""
        for code in codes:
            for value in (1, 0):
                os.write(self._line, EVENT.pack(0, 0, EV_KEY, code, value) + EVENT.pack(0, 0, EV_SYN, SYNC, 0))

    def unplug(self) -> None:
        fcntl.ioctl(self._line, DESTROY)
        os.close(self._line)
