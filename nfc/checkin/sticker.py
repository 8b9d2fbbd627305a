"""NTAG stickers through nfcpy: what is written on one, and writing the room's address on it."""

from __future__ import annotations

import importlib
import logging
import struct
import termios
from typing import Any

from appliance.errors import InputError, TransientError
from checkin.message import bytes_to_read, message_in

log = logging.getLogger(__name__)

# What nfcpy lets through when a device is torn from under it, or talks rubbish.
TORN = (OSError, termios.error, LookupError, RuntimeError, ValueError, TypeError, AttributeError)
ISO_DEP = 0x20  # the bit of the selection answer of cards with a file system
MOST_EXCHANGES = 40
PLAIN_PAGES = b"\x00"  # the selection answer of tags that are read as pages, without a key
PAGE = 4


def read_message(frontend: Any, target: Any, *, signing: bool = False) -> bytes:
    """The NDEF message on a tag that was just put there; b"" when there is none, or it was pulled away.

    Two reads for a blank card; a written one is read to the end of its message. signing: also ask cards that speak
    ISO-DEP, as NTAG 424 DNA does; phones and bank cards do, too.
    """
    selected = bytes(target.sel_res or b"")
    if signing and selected and selected[0] & ISO_DEP:
        return _read_by_dep(frontend, target)
    return _read_pages(frontend, target) if selected == PLAIN_PAGES else b""


def _read_by_dep(frontend: Any, target: Any) -> bytes:
    """Whatever the card says, it is heard for `MOST_EXCHANGES` only: nfcpy would listen to it for ever."""
    tags, air = importlib.import_module("nfc.tag"), importlib.import_module("nfc.clf")
    try:
        card = importlib.import_module("nfc.tag.tt4").Type4ATag(_Hearing(frontend), target)
        return bytes(card.ndef.octets) if card.ndef is not None else b""
    except (*TORN, struct.error, tags.TagCommandError, air.CommunicationError) as error:
        log.debug("a card was not read to its end: %s", type(error).__name__)
        return b""


class _Hearing:
    """A frontend that ends."""

    def __init__(self, frontend: Any) -> None:
        self._frontend = frontend
        self._left = MOST_EXCHANGES

    def __getattr__(self, name: str) -> Any:
        return getattr(self._frontend, name)

    def exchange(self, *args: Any, **kwargs: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise OSError("the card speaks without end")
        return self._frontend.exchange(*args, **kwargs)


def _read_pages(frontend: Any, target: Any) -> bytes:
    tags = importlib.import_module("nfc.tag")
    pages = importlib.import_module("nfc.tag.tt2").Type2Tag(frontend, target)
    try:
        memory = bytes(pages.read(0) + pages.read(4))
        for page in range(8, -(-bytes_to_read(memory) // PAGE), 4):
            memory += bytes(pages.read(page))
    except (*TORN, tags.TagCommandError) as error:
        log.debug("a tag was not read to its end: %s", type(error).__name__)
        return b""
    return message_in(memory)


def write_message(tag: Any, message: bytes, *, lock: bool = False) -> None:
    """Write it and read it back; then, if wanted, lock the tag for ever.

    tag: nfcpy's. Raises InputError for one that cannot hold it, TransientError when it was not held still.
    """
    tags = importlib.import_module("nfc.tag")
    try:
        _check_room(tag, len(message))
        tag.ndef.octets = message
        if tag.ndef.has_changed or tag.ndef is None or bytes(tag.ndef.octets) != message:
            raise TransientError("the tag did not keep what was written: hold it still and try again")
        if lock:
            _lock(tag)
    except (*TORN, tags.TagCommandError) as error:
        raise TransientError(f"the tag went away ({type(error).__name__}): hold it still and try again") from error


def _check_room(tag: Any, size: int) -> None:
    if tag is None or tag.ndef is None:
        raise InputError("this tag takes no address: use NTAG213, 215 or 216 stickers as they come from the shop")
    if not tag.ndef.is_writeable:
        raise InputError("this tag is locked: take a new one")
    if size > tag.ndef.capacity:
        raise InputError(f"this tag holds {tag.ndef.capacity} bytes, the address needs {size}: use NTAG215")


def _lock(tag: Any) -> None:
    if not tag.protect() or tag.ndef.has_changed or tag.ndef is None or tag.ndef.is_writeable:
        raise TransientError("written, but the lock did not take: try again, or leave it unlocked")
