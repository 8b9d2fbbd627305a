"""Opening and closing nfcpy's frontend: on USB, on a PN532 at any serial port, or simulated over UDP."""

from __future__ import annotations

import contextlib
import errno
import importlib
import logging
import os
import re
import stat
from pathlib import Path
from typing import Any

import serial

from checkin import detect
from checkin.reader import ReaderGone
from checkin.sticker import TORN

log = logging.getLogger(__name__)

# nfcpy hands the name to a shell (`stty -F …`): only a plain device name may get there.
PLAIN_NODE = re.compile(r"/dev/[A-Za-z0-9/._-]+")
NOT_PERMITTED = (errno.EACCES, errno.EPERM)
UDP_ANSWER_S = 2.0
TRY = "; is it set to UART (HSU), RX to TX? One that sends lines by itself is serial:/dev/…"


class OnceMuted:
    """nfcpy's device, told to switch its field off only when it may be on: a look at nothing tells it twice, which
    is one command of four to the chip."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self._is_off = False

    def mute(self) -> None:
        if not self._is_off:
            self._device.mute()
        self._is_off = True

    def __getattr__(self, name: str) -> Any:
        self._is_off = False
        return getattr(self._device, name)


class OverUdp:
    """nfcpy's simulated reader, which gives a tag 5 ms as a chip would. Here another process answers, on a machine
    that may be busy, and what comes late would be taken for the answer to the next question. So every answer is
    waited for; the air says in a word (`appliance.demo.air`) that none will come."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self._errors = importlib.import_module("nfc.clf")

    def send_cmd_recv_rsp(self, target: Any, data: Any, timeout: float) -> Any:
        try:
            return self._device.send_cmd_recv_rsp(target, data, max(timeout, UDP_ANSWER_S))
        except self._errors.TransmissionError as silence:
            raise self._errors.TimeoutError("the air stays silent") from silence

    def __getattr__(self, name: str) -> Any:
        return getattr(self._device, name)


class Port(serial.Serial):  # type: ignore[misc]  # pyserial is untyped
    """A port of this process alone. Its timeout, which nfcpy sets before every answer, is none of the port's
    settings: pyserial would read and compare them all each time."""

    @property
    def timeout(self) -> float | None:
        wait_s: float | None = self._timeout
        return wait_s

    @timeout.setter
    def timeout(self, wait_s: float | None) -> None:
        self._timeout = wait_s


def nfcpy() -> Any:
    """nfcpy, quiet: its own log would show card numbers, and repeat at every attempt what we say once."""
    nfc = importlib.import_module("nfc")
    if not hasattr(nfc, "ContactlessFrontend"):
        raise ReaderGone("nfcpy is not installed (our own folder answered its name): pip install nfcpy==1.0.4")
    logging.getLogger("nfc").setLevel(logging.CRITICAL)
    return nfc


def open_frontend(where: str) -> tuple[Any, str]:
    """nfcpy's frontend on what `where` names, and its name for people. Raises ReaderGone with what to do.

    where: as NfcpyDriver's.
    """
    nfc = nfcpy()
    try:
        frontend = _open_serial(nfc, _plain_node(where)) if where.startswith("/") else _open_by_nfcpy(nfc, where)
    except ReaderGone:
        raise
    except TORN as error:
        raise ReaderGone(explain(error, where)) from error
    name = str(frontend.device)  # it ends with "at" and the device as nfcpy knows it
    frontend.device = OnceMuted(OverUdp(frontend.device) if where.startswith("udp") else frontend.device)
    return frontend, name if where in name else f"{name}, {where}"


def close_frontend(frontend: Any) -> None:
    """Let go of the device, also of one that is gone; never raises."""
    chipset = getattr(frontend.device, "chipset", None)
    try:
        frontend.close()
    except TORN as error:
        log.debug("closing a reader that is gone: %r", error)
        _shut(getattr(chipset, "transport", None))


def explain(error: Exception, where: str) -> str:
    """The error in words that say what to do."""
    number = getattr(error, "errno", None) or next(iter(error.args), None)  # termios.error has it as its first word
    on_usb = where.startswith("usb")
    told = f"{type(error).__name__}: {error}"
    thieves = detect.thieves() if on_usb else []
    if number in NOT_PERMITTED:
        told = f"no permission: {detect.permit('plugdev' if on_usb else 'dialout')}"
    elif on_usb and "libusb-1.0" in str(error):
        told = f"no libusb on this machine: {detect.LIBUSB}"
    elif thieves:
        told = f"the kernel module {thieves[0]} holds it: {detect.give_back(thieves)}"
    elif number == errno.EBUSY or "exclusively lock" in str(error):
        told = "another program holds it (pcscd, a modem manager, a second reader process): stop that one"
    elif on_usb:
        told = f"it does not answer ({told}); pull it out and plug it in again"
    elif where.startswith("/"):
        broke = number == errno.EIO
        told = (
            "the line broke: unplugged, or the chip fell silent" if broke else f"no PN532 answers there ({told}){TRY}"
        )
    elif where.startswith("udp"):
        told = f"no port for simulated tags ({told}); take another above 1023, as in udp:127.0.0.1:54321"
    return told


def _open_by_nfcpy(nfc: Any, where: str) -> Any:
    """By nfcpy's own path. A USB reader by its number on the bus: only then nfcpy says why it does not open."""
    if not where.startswith("usb"):
        return nfc.ContactlessFrontend(where)
    first = None
    for reader in detect.usb_readers_at(where):
        try:
            return nfc.ContactlessFrontend(reader.nfcpy_path)
        except TORN as error:
            first = first or error
    raise first or ReaderGone("nothing is plugged in there")


def _plain_node(path: str) -> str:
    """The character device behind a stable name. Its own name matters too: nfcpy knows Pi's ports by it."""
    node = os.path.realpath(path)
    if not PLAIN_NODE.fullmatch(node) or not stat.S_ISCHR(Path(node).stat().st_mode):
        raise ReaderGone("this is no serial port")
    return node


def _open_serial(nfc: Any, node: str) -> Any:
    """nfcpy's path syntax knows no /dev/serial/by-id, so its PN532 driver is started on the node itself."""
    line = _line(node)
    try:
        device = importlib.import_module("nfc.clf.pn532").init(line)
    except BaseException:
        _shut(line)
        raise
    device._path = node
    frontend = nfc.ContactlessFrontend()
    frontend.device = device
    return frontend


def _line(node: str) -> Any:
    """nfcpy's serial transport on a port of ours."""
    transport = importlib.import_module("nfc.clf.transport")

    class Line(transport.TTY):  # type: ignore[misc,name-defined]  # nfcpy is untyped
        def open(self, port: str, baudrate: int = 115200) -> None:
            self.close()
            self.tty = Port(port, baudrate, timeout=0.05, exclusive=True)

    return Line(node)


def _shut(line: Any) -> None:
    """Close the file under a serial line whose port no longer answers, which pyserial's own close asks first."""
    port: Any = getattr(line, "tty", None)
    with contextlib.suppress(*TORN):
        line.close()
    with contextlib.suppress(*TORN):
        port.close()
