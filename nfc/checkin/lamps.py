"""Lights and beepers that Linux knows: an LED of the LED class, and a speaker behind an input node."""

from __future__ import annotations

import errno
import fcntl
import os
import re
from contextlib import suppress
from pathlib import Path

from appliance.errors import ConfigError
from checkin.detect import permit
from checkin.feedback import Lamp
from checkin.wedge_driver import EVENT

LEDS = Path("/sys/class/leds")
LED_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_:.-]*")
EV_SND, SND_BELL, SND_TONE = 0x12, 0x01, 0x02
EVIOCGBIT_SND = 0x80014532  # one byte: the bits of what sounds it can make
NOT_LIT = "no permission: only an LED named cosound… may be lit (systemd/udev/70-cosound.rules)"
READERS_OWN = "reader"
FORMS = "reader (its own LED and buzzer), led:NAME (of /sys/class/leds), or beep:/dev/input/…"


def lamps_of(setting: str) -> tuple[list[Lamp], bool]:
    """The lamps that `checkin.feedback` names, and whether readers shall use their own."""
    parts = dict.fromkeys(part.strip() for part in setting.split(",")) if setting.strip() else {}
    return [_lamp_of(part) for part in parts if part != READERS_OWN], READERS_OWN in parts


class Led:
    """folder: its folder among the LEDs, as gpio-leds, a USB light or the board's own make one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._on = ""

    @property
    def where(self) -> str:
        return f"led:{self._folder.name}"

    def set(self, tone_hz: int) -> None:
        try:
            if not self._on:
                self._take()
            self._write("brightness", self._on if tone_hz else "0")
        except OSError as error:
            self._on = ""
            raise _explained(error, NOT_LIT) from error

    def _take(self) -> None:
        """Away from whatever else lights it, such as the disk; a kernel without triggers has no such file."""
        with suppress(FileNotFoundError):
            self._write("trigger", "none")
        self._on = (self._folder / "max_brightness").read_text().strip()

    def _write(self, name: str, value: str) -> None:
        """Into a file that is there: one made by us would be no LED."""
        line = os.open(self._folder / name, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
        try:
            os.write(line, value.encode())
        finally:
            os.close(line)


class Beeper:
    """node: an input node that takes tones, as the PC speaker and pwm-beeper have, or only on and off (gpio-beeper)."""

    def __init__(self, node: str) -> None:
        self._node = node

    @property
    def where(self) -> str:
        return f"beep:{self._node}"

    def set(self, tone_hz: int) -> None:
        try:
            line = os.open(self._node, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                sound = (SND_TONE, tone_hz) if _takes_tones(line) else (SND_BELL, int(tone_hz > 0))
                os.write(line, EVENT.pack(0, 0, EV_SND, *sound))
            finally:
                os.close(line)
        except OSError as error:
            raise _explained(error, f"no permission: {permit('input')}") from error


def _lamp_of(part: str) -> Lamp:
    kind, _, name = part.partition(":")
    if kind == "led" and LED_NAME.fullmatch(name):
        return Led(LEDS / name)
    if kind == "beep" and name.startswith("/dev/input/"):
        return Beeper(name)
    raise ConfigError(f"checkin.feedback is {part!r}, but must be {FORMS}; several with commas, empty = none")


def _takes_tones(line: int) -> bool:
    """Also what does not answer the question: the kernel drops what a device cannot do."""
    able = bytearray(1)
    try:
        fcntl.ioctl(line, EVIOCGBIT_SND, able)
    except OSError:
        return True
    return bool(able[0] & 1 << SND_TONE)


def _explained(error: OSError, not_permitted: str) -> OSError:
    if error.errno in (errno.EACCES, errno.EPERM):
        return OSError(not_permitted)
    return OSError("nothing is there" if error.errno == errno.ENOENT else error.strerror or str(error))
