"""What is plugged in that could be a reader. Looks at names only; opens nothing."""

from __future__ import annotations

import os
import pwd
from ctypes.util import find_library
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
USB_READERS = {
    "054c:0193": "Sony PN531",
    "04cc:0531": "Philips PN531",
    "04cc:2533": "NXP PN533",
    "04e6:5591": "SCM SCL3711",
    "04e6:5593": "SCM SCL3712",
    "054c:02e1": "Sony RC-S330/360/370",
    "054c:06c1": "Sony RC-S380",
    "054c:06c3": "Sony RC-S380",
    "072f:2200": "ACS ACR122U",
}
LIBUSB = "sudo apt install libusb-1.0-0"
THIEVES = ("pn533_usb", "pn533", "port100", "nfc")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that could be a reader: `setting` is what checkin.reader would be to use it. `why_not`: what keeps
    us from opening it, "" = nothing."""

    setting: str
    what: str
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class UsbReader:
    """A reader at a socket: `port` is the socket's name, `bus` and `address` change at every plug."""

    port: str
    name: str
    bus: int
    address: int

    @property
    def nfcpy_path(self) -> str:
        return f"usb:{self.bus:03d}:{self.address:03d}"

    @property
    def node(self) -> str:
        return f"dev/bus/usb/{self.bus:03d}/{self.address:03d}"


def usb_readers(root: Path = ROOT) -> list[UsbReader]:
    """USB devices that are known to be NFC readers."""
    found = []
    for device in sorted((root / "sys/bus/usb/devices").glob("*")):
        name = USB_READERS.get(f"{_text(device / 'idVendor')}:{_text(device / 'idProduct')}")
        numbers = _text(device / "busnum"), _text(device / "devnum")
        if name and all(number.isdecimal() for number in numbers):
            found.append(UsbReader(device.name, name, *map(int, numbers)))
    return found


def usb_readers_at(where: str, root: Path = ROOT) -> list[UsbReader]:
    """Those that `usb` (any) or `usb:PORT` names."""
    port = where.partition(":")[2]
    return [reader for reader in usb_readers(root) if port in ("", reader.port)]


def candidates(root: Path = ROOT) -> list[Candidate]:
    return _on_usb(root) + _serial_ports(root) + _keyboards(root)


def lamps(root: Path = ROOT) -> list[Candidate]:
    """What could answer a tap: LEDs that were named for it, and speakers that take tones. For checkin.feedback."""
    leds = sorted((root / "sys/class/leds").glob("cosound*"))
    lights = [Candidate(f"led:{led.name}", "LED", _closed(led / "brightness", "cosound")) for led in leds]
    speakers = sorted((root / "dev/input/by-path").glob("*-event-spkr"))
    beepers = [
        Candidate(f"beep:/{speaker.relative_to(root)}", "speaker for tones", _closed(speaker, "input"))
        for speaker in speakers
    ]
    return lights + beepers


def permit(group: str) -> str:
    """How this user comes to may open it, in the words to type."""
    return f"this user must be in group {group}: sudo usermod -aG {group} {_user()} (systemd/udev/70-cosound.rules)"


def give_back(modules: list[str]) -> str:
    """How kernel modules let go of a reader, now and after the next start."""
    return f"sudo modprobe -r {' '.join(modules)} (systemd/modprobe.d keeps them away)"


def thieves(root: Path = ROOT) -> list[str]:
    """Loaded kernel modules that take USB readers away from us."""
    loaded = {line.split(" ", 1)[0] for line in _text(root / "proc/modules").splitlines()}
    return [module for module in THIEVES if module in loaded]


def _on_usb(root: Path) -> list[Candidate]:
    """Several are told apart by the sockets they are plugged into."""
    readers = usb_readers(root)
    no_library = "" if not readers or find_library("usb-1.0") else f"no libusb on this machine: {LIBUSB}"
    settings = ["usb"] if len(readers) == 1 else [f"usb:{reader.port}" for reader in readers]
    return [
        Candidate(setting, f"{reader.name} at USB {reader.port}", no_library or _closed(root / reader.node, "plugdev"))
        for setting, reader in zip(settings, readers, strict=True)
    ]


def _serial_ports(root: Path) -> list[Candidate]:
    """By their stable names; behind one may be a PN532, a line reader, or no reader at all."""
    found = []
    for port in _stable_names(root / "dev/serial", "*") + _pins(root):
        path = "/" + str(port.relative_to(root))
        what = f"serial port; as a reader that sends lines: serial:{path}"
        found.append(Candidate(path, what, _closed(port, "dialout")))
    return found


def _keyboards(root: Path) -> list[Candidate]:
    """Input devices that type; a keyboard reader is one of them, and so is every keyboard."""
    ports = _stable_names(root / "dev/input", "*-event-kbd")
    what = "keyboard, or a reader that types"
    return [Candidate("/" + str(port.relative_to(root)), what, _closed(port, "input")) for port in ports]


def _stable_names(folder: Path, kind: str) -> list[Path]:
    """By what is written in the plug (by-id). Two of a kind often have the same there, and the one link leads to either
    of them: then all on USB go by their sockets (by-path), and so does what has no plug."""
    by_plug = {port.resolve(): port for port in sorted((folder / "by-id").glob(kind))}
    by_socket = {port.resolve(): port for port in sorted((folder / "by-path").glob(kind), reverse=True)}
    on_usb = {node for node, port in by_socket.items() if "-usb" in port.name}
    has_twins = not on_usb <= by_plug.keys()
    return sorted((by_plug | by_socket if has_twins else by_socket | by_plug).values())


def _pins(root: Path) -> list[Path]:
    """A Pi's serial port on its pins, where nothing else names it."""
    port = root / "dev/serial0"
    named = {one.resolve() for one in _stable_names(root / "dev/serial", "*")}
    return [port] if port.exists() and port.resolve() not in named else []


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container's user may have a number only
        return str(os.geteuid())


def _closed(node: Path, group: str) -> str:
    return "" if os.access(node, os.R_OK | os.W_OK) else f"no permission: {permit(group)}"


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
