"""From the setting `checkin.reader` to drivers."""

from __future__ import annotations

import re

from appliance.config import Config
from appliance.errors import ConfigError
from checkin.nfcpy_driver import NfcpyDriver
from checkin.reader import Driver
from checkin.serial_driver import SerialDriver
from checkin.socket_reader import SocketReader
from checkin.wedge_driver import WedgeDriver

UDP = re.compile(r"udp:[A-Za-z0-9.-]+:([0-9]{1,5})")
USB = re.compile(r"usb(:[0-9]+-[0-9]+(\.[0-9]+)*)?")
FORMS = "auto, none, usb, usb:SOCKET, udp:HOST:PORT, a /dev path (PN532 or keyboard reader), or serial:/dev/… (lines)"


def drivers_of(config: Config) -> list[Driver]:
    """Every reader the configuration asks for, several with commas between; typed taps always."""
    settings = dict.fromkeys(part.strip() for part in config.checkin_reader.split(","))
    if "none" in settings and len(settings) > 1:
        raise ConfigError("checkin.reader names `none` beside a reader: leave one of them away")
    signing = bool(config.checkin_sun_keys)
    chosen: list[Driver] = [driver_of(setting, signing=signing) for setting in settings if setting != "none"]
    return [*chosen, SocketReader(config.box_runtime_dir)]


def driver_of(setting: str, *, signing: bool = False) -> Driver:
    """One part of the setting. `auto` is a reader on USB: a serial port could be anything, so it is never probed.

    signing: whether cards with a file system are asked for what they sign.
    """
    if setting == "auto":
        return NfcpyDriver("usb", signing=signing)
    if USB.fullmatch(setting):
        return NfcpyDriver(setting, signing=signing)
    if setting.startswith("/dev/input/"):
        return WedgeDriver(setting)
    if setting.startswith("/dev/"):
        return NfcpyDriver(setting, signing=signing)
    if setting.startswith("serial:/dev/"):
        return SerialDriver(setting.removeprefix("serial:"))
    port = UDP.fullmatch(setting)
    if port and 0 < int(port[1]) < 65536:
        return NfcpyDriver(setting, signing=signing)
    raise ConfigError(f"checkin.reader is {setting!r}, but must be {FORMS}")
