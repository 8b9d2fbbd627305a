"""NFC readers through nfcpy: on USB, a PN532 on any serial port, or simulated over UDP.

Built on `sense()`, one look a call. nfcpy's own `connect()` loop reports a lying MIFARE Classic as hundreds of
taps, either burns a core or takes 1.5 s to stop, and lets errors through that are no OSError.
"""

from __future__ import annotations

import errno
import importlib
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from checkin import acr122u, detect
from checkin.feedback import Answer
from checkin.frontend import close_frontend, explain, nfcpy, open_frontend
from checkin.reader import ReaderGone, TagRead, is_random_uid
from checkin.sticker import TORN, read_message

log = logging.getLogger(__name__)

HICCUPS = (errno.EIO, errno.ETIMEDOUT)


class NfcpyDriver:
    """where: `usb` or `usb:PORT`, `udp:HOST:PORT`, or a serial port's path (a stable name is followed to its node at
    opening). signing: whether cards with a file system are asked for their word.
    """

    continuous = True

    def __init__(self, where: str, *, signing: bool = False) -> None:
        self._where = where
        self._signing = signing
        self._frontend: Any = None
        self._targets: list[Any] = []
        self._last_uid = b""
        self._written = b""
        self._target: Any = None
        self._is_dark = False

    @property
    def where(self) -> str:
        return self._where

    def plugged(self) -> bool:
        if self._where.startswith("usb"):
            return bool(detect.usb_readers_at(self._where))
        return Path(self._where).exists() if self._where.startswith("/") else True

    def open(self) -> str:
        self._check_there()
        self._frontend, name = open_frontend(self._where)
        self._targets = [nfcpy().clf.RemoteTarget("106A")]
        return name

    def poll(self, timeout_s: float) -> TagRead | None:
        """Looks once, whatever the timeout. A MIFARE Classic that lets nobody read it counts by its number; what is
        written on a sticker is read when it comes."""
        tag = self._sense()
        if tag is not None and self._is_doubtful(tag) and self._sense() != tag:
            tag = None
        if tag is not None and not self._lay_there(tag):
            self._written = read_message(self._frontend, self._target, signing=self._signing)
        self._last_uid = tag.uid if tag else b""
        return tag and replace(tag, ndef=self._written)

    def show(self, answer: Answer) -> None:
        """On an ACR122U's own LED and buzzer. One whose lights do not work still reads."""
        chipset = getattr(self._frontend.device, "chipset", None)
        if not self._is_dark and acr122u.has_lights(chipset):
            try:
                acr122u.show(chipset, answer)
            except TORN as error:
                log.warning("reader %s: its LED and buzzer do not answer (%r)", self._where, error)
                self._is_dark = True

    def close(self) -> None:
        frontend, self._frontend = self._frontend, None
        if frontend is not None:
            close_frontend(frontend)

    def _check_there(self) -> None:
        if self.plugged():
            return
        if self._where == "usb":
            raise ReaderGone("no NFC reader on USB; `cosound nfc list` shows what else is plugged in")
        raise ReaderGone("nothing is plugged in there")

    def _sense(self) -> TagRead | None:
        if self._frontend is None:
            raise ReaderGone("it is not open")
        try:
            target = self._look()
        except TORN as error:
            raise ReaderGone(explain(error, self._where)) from error
        self._target = target
        if target is None or not target.sdd_res:
            return None
        uid = bytes(target.sdd_res)
        return TagRead(uid, "nfca", is_random_uid("nfca", uid))

    def _look(self) -> Any:
        """One answer that does not come is a hiccup of the line or of a busy machine; a second one is a lost reader."""
        try:
            return self._frontend.sense(*self._targets, iterations=1)
        except OSError as error:
            if error.errno not in HICCUPS:
                raise
            return self._frontend.sense(*self._targets, iterations=1)

    def tag_there(self) -> Any:
        """nfcpy's own tag object for what lies there, to write on; None when nothing does. Raises ReaderGone."""
        if self._sense() is None:
            return None
        try:
            return importlib.import_module("nfc.tag").activate(self._frontend, self._target)
        except TORN as error:
            raise ReaderGone(explain(error, self._where)) from error

    def _lay_there(self, tag: TagRead) -> bool:
        """A number that is drawn anew at each look is still the same card, until a look finds none."""
        return tag.uid == self._last_uid or (tag.random_uid and is_random_uid(tag.tech, self._last_uid))

    def _is_doubtful(self, tag: TagRead) -> bool:
        """Four bytes have no check against a torn read: a new one must be read twice, or it enrols a ghost."""
        return len(tag.uid) == 4 and not tag.random_uid and tag.uid != self._last_uid
