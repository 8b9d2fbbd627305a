"""NTAG stickers through nfcpy: what is written on one, and writing the room's address on it."""

from __future__ import annotations

import importlib
import logging
import termios
from typing import Any

from appliance.errors import InputError, TransientError
from checkin.message import bytes_to_read, message_in

log = logging.getLogger(__name__)

# What nfcpy lets through when a device is torn from under it, or talks rubbish.
TORN = (OSError, termios.error, LookupError, RuntimeError, ValueError, TypeError, AttributeError)
PLAIN_PAGES = b"\x00"  # the selection answer of tags that are read as pages, without a key
PAGE = 4


def read_message(frontend: Any, target: Any) -> bytes:
    """The NDEF message on a tag that was just put there; b"" when there is none, or it was pulled away.

    Two reads for a blank card; a written one is read to the end of its message.
    """
    if bytes(target.sel_res or b"") != PLAIN_PAGES:
        return b""
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
