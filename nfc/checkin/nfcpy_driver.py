"""NFC readers through nfcpy: on USB, a PN532 on any serial port, or simulated over UDP.

Built on `sense()`, one look a call. nfcpy's own `connect()` loop reports a lying MIFARE Classic as hundreds of
taps, either burns a core or takes 1.5 s to stop, and lets errors through that are no OSError.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import logging
import os
import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

from checkin import detect
from checkin.reader import ReaderGone, TagRead, is_random_uid
from checkin.sticker import TORN, read_message

log = logging.getLogger(__name__)

# nfcpy hands the name to a shell (`stty -F …`): only a plain device name may get there.
PLAIN_NODE = re.compile(r"/dev/[A-Za-z0-9/._-]+")
NOT_PERMITTED = (errno.EACCES, errno.EPERM)


class NfcpyDriver:
    """where: `usb`, `udp:HOST:PORT`, or a serial port's path (a stable name is followed to its node at opening)."""

    continuous = True

    def __init__(self, where: str) -> None:
        self._where = where
        self._frontend: Any = None
        self._targets: list[Any] = []
        self._last_uid = b""
        self._written = b""
        self._target: Any = None

    @property
    def where(self) -> str:
        return self._where

    def plugged(self) -> bool:
        if self._where == "usb":
            return bool(detect.usb_readers())
        return Path(self._where).exists() if self._where.startswith("/") else True

    def open(self) -> str:
        self._check_there()
        nfc = _nfcpy()
        try:
            if self._where.startswith("/"):
                self._frontend = _open_serial(nfc, _plain_node(self._where))
            else:
                self._frontend = nfc.ContactlessFrontend(self._where)
        except ReaderGone:
            raise
        except TORN as error:
            raise ReaderGone(f"{self._where}: {_explain(error, self._where)}") from error
        self._targets = [nfc.clf.RemoteTarget("106A")]
        name = str(self._frontend.device)  # it ends with "at" and the device as nfcpy knows it
        return name if self._where in name else f"{name}, {self._where}"

    def poll(self, timeout_s: float) -> TagRead | None:
        """Looks once, whatever the timeout. A MIFARE Classic that lets nobody read it counts by its number; what is
        written on a sticker is read when it comes."""
        tag = self._sense()
        if tag is not None and self._is_doubtful(tag) and self._sense() != tag:
            tag = None
        if tag is not None and tag.uid != self._last_uid:
            self._written = read_message(self._frontend, self._target)
        self._last_uid = tag.uid if tag else b""
        return tag and replace(tag, ndef=self._written)

    def close(self) -> None:
        frontend, self._frontend = self._frontend, None
        if frontend is not None:
            _close(frontend.close, getattr(frontend.device, "chipset", None))

    def _check_there(self) -> None:
        if self.plugged():
            return
        if self._where == "usb":
            raise ReaderGone("no NFC reader on USB; `cosound nfc list` shows what else is plugged in")
        raise ReaderGone(f"{self._where}: nothing is plugged in there")

    def _sense(self) -> TagRead | None:
        if self._frontend is None:
            raise ReaderGone(f"{self._where}: not open")
        try:
            target = self._frontend.sense(*self._targets, iterations=1)
        except TORN as error:
            raise ReaderGone(f"{self._where}: {_explain(error, self._where)}") from error
        self._target = target
        if target is None or not target.sdd_res:
            return None
        uid = bytes(target.sdd_res)
        return TagRead(uid, "nfca", is_random_uid("nfca", uid))

    def tag_there(self) -> Any:
        """nfcpy's own tag object for what lies there, to write on; None when nothing does. Raises ReaderGone."""
        if self._sense() is None:
            return None
        try:
            return importlib.import_module("nfc.tag").activate(self._frontend, self._target)
        except TORN as error:
            raise ReaderGone(f"{self._where}: {_explain(error, self._where)}") from error

    def _is_doubtful(self, tag: TagRead) -> bool:
        """Four bytes have no check against a torn read: a new one must be read twice, or it enrols a ghost."""
        return len(tag.uid) == 4 and not tag.random_uid and tag.uid != self._last_uid


def _nfcpy() -> Any:
    """nfcpy, quiet: its own log would show card numbers, and repeat at every attempt what we say once."""
    nfc = importlib.import_module("nfc")
    if not hasattr(nfc, "ContactlessFrontend"):
        raise ReaderGone("nfcpy is not installed (our own folder answered its name): pip install nfcpy==1.0.4")
    logging.getLogger("nfc").setLevel(logging.CRITICAL)
    return nfc


def _plain_node(path: str) -> str:
    """The character device behind a stable name. Its own name matters too: nfcpy knows Pi's ports by it."""
    node = os.path.realpath(path)
    if not PLAIN_NODE.fullmatch(node) or not stat.S_ISCHR(Path(node).stat().st_mode):
        raise ReaderGone(f"{path}: this is no serial port")
    return node


def _open_serial(nfc: Any, node: str) -> Any:
    """nfcpy's path syntax knows no /dev/serial/by-id, so its PN532 driver is started on the node itself."""
    line = importlib.import_module("nfc.clf.transport").TTY(node)
    try:
        device = importlib.import_module("nfc.clf.pn532").init(line)
        line.tty.exclusive = True
    except BaseException:
        _shut(line)
        raise
    device._path = node
    frontend = nfc.ContactlessFrontend()
    frontend.device = device
    return frontend


def _close(close: Any, chipset: Any) -> None:
    try:
        close()
    except TORN as error:
        log.debug("closing a reader that is gone: %r", error)
        _shut(getattr(chipset, "transport", None))


def _shut(line: Any) -> None:
    """Close the file under a serial line whose port no longer answers, which pyserial's own close asks first."""
    port: Any = getattr(line, "tty", None)
    with contextlib.suppress(*TORN):
        line.close()
    with contextlib.suppress(*TORN):
        port.close()


def _explain(error: Exception, where: str) -> str:
    """The error in words that say what to do."""
    number = getattr(error, "errno", None) or next(iter(error.args), None)  # termios.error has it as its first word
    if number in NOT_PERMITTED:
        group = "plugdev" if where == "usb" else "dialout"
        return f"no permission: this user must be in group {group} (systemd/udev/70-cosound.rules)"
    if number == errno.EBUSY or "exclusively lock" in str(error):
        return "another program holds it (pcscd, a modem manager, a second reader process): stop that one"
    if where == "usb":
        taken = [f"the kernel module {module} holds it: sudo modprobe -r {module}" for module in detect.thieves()]
        return taken[0] if taken else "it does not open: is this user in group plugdev (systemd/udev/70-cosound.rules)?"
    if where.startswith("/") and number == errno.EIO:
        return "the line broke: unplugged, or the chip fell silent"
    if where.startswith("/"):
        return f"no PN532 answers there ({type(error).__name__}: {error})"
    return f"{type(error).__name__}: {error}"
