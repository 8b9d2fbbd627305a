"""What is plugged in that could be a reader. Looks at names only; opens nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
THIEVES = ("pn533_usb", "pn533", "nfc")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that could be a reader: `setting` is what checkin.reader would be to use it."""

    setting: str
    what: str


def usb_readers(root: Path = Path("/")) -> list[Candidate]:
    """USB devices that are known to be NFC readers."""
    found = []
    for device in sorted((root / "sys/bus/usb/devices").glob("*")):
        name = USB_READERS.get(f"{_text(device / 'idVendor')}:{_text(device / 'idProduct')}")
        if name:
            found.append(Candidate("usb", f"{name} at USB {device.name}"))
    return found


def serial_ports(root: Path = Path("/")) -> list[Candidate]:
    """Serial ports by their stable names; behind one may be a PN532, a line reader, or no reader at all."""
    found = []
    for port in sorted((root / "dev/serial/by-id").glob("*")):
        path = "/" + str(port.relative_to(root))
        found.append(Candidate(path, f"serial port; as a reader that sends lines: serial:{path}"))
    return found


def keyboards(root: Path = Path("/")) -> list[Candidate]:
    """Input devices that type; a keyboard reader is one of them, and so is every keyboard."""
    ports = sorted((root / "dev/input/by-id").glob("*-event-kbd"))
    return [Candidate("/" + str(port.relative_to(root)), "keyboard, or a reader that types") for port in ports]


def candidates(root: Path = Path("/")) -> list[Candidate]:
    return usb_readers(root) + serial_ports(root) + keyboards(root)


def thieves(root: Path = Path("/")) -> list[str]:
    """Loaded kernel modules that take USB readers away from us."""
    loaded = {line.split(" ", 1)[0] for line in _text(root / "proc/modules").splitlines()}
    return [module for module in THIEVES if module in loaded]


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
