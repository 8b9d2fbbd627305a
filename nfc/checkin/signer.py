"""Making an NTAG 424 DNA a card that signs: its address, its settings and its keys, by nfcpy's tag."""

from __future__ import annotations

import importlib
import struct
from collections.abc import Iterable
from typing import Any

from appliance.errors import InputError, TransientError
from checkin import secure
from checkin.programming import FILE_KEY, LENGTH_BYTES, META_KEY, Programme, programme_of
from checkin.secure import Exchange, Refused, Session
from checkin.sticker import TORN
from checkin.sun import KEY_BYTES, SunKeys

UID_BYTES = 7
NDEF_FILE = 2
APPLICATION = bytes.fromhex("D2760000850101")
NATIVE, SELECTED = 0x91, b"\x90\x00"
AT_ONCE = 100  # bytes: with what is around them they fit the shortest frame of these cards
FROM_THE_SHOP = bytes(KEY_BYTES)
NOT_ONE = "this is no NTAG 424 DNA that shows its number: only those can be made to sign here"
FOREIGN = "it has other keys than from the shop, or is in LRP mode: take a new one"
ALREADY = "this card signs already: hand it out, or take a new one"


def make_sign(tag: Any, keys: SunKeys, base: str) -> None:
    """Programme the card. What was begun and torn off is continued by the next try.

    tag: nfcpy's. Raises InputError for a card that cannot be used, TransientError when it was not held still.
    """
    tags, air = importlib.import_module("nfc.tag"), importlib.import_module("nfc.clf")
    uid = bytes(tag.identifier) if tag is not None and tag.type == "Type4Tag" else b""
    if len(uid) != UID_BYTES:
        raise InputError(NOT_ONE)
    try:
        if bytes(tag.send_apdu(0, 0xA4, 0x04, 0x00, APPLICATION, 256, check_status=False))[-2:] != SELECTED:
            raise InputError(NOT_ONE)
        _programme(_exchange_of(tag), programme_of(keys, base, uid), keys.version)
    except Refused as no:
        raise InputError(f"this card does not take it ({no}): {FOREIGN}") from no
    except (*TORN, struct.error, tags.TagCommandError, air.CommunicationError) as error:
        raise TransientError(
            f"the card went away ({type(error).__name__}): hold it still and try again, it will be continued"
        ) from error


def _exchange_of(tag: Any) -> Exchange:
    def ask(command: int, data: bytes) -> tuple[int, bytes]:
        answer = bytes(tag.send_apdu(0x90, command, 0, 0, data, 256, check_status=False))
        if answer[-2] != NATIVE:
            raise InputError(NOT_ONE)
        return answer[-1], answer[:-2]

    return ask


def _programme(exchange: Exchange, made: Programme, version: int) -> None:
    """The card's own key is the last: until it is changed each step can be made again, and with it all are done. A
    finished card is left alone, as a chip that is set up anew may count from the start, which nobody believes."""
    if _opened_by(exchange, 0, made)[1] != FROM_THE_SHOP:
        raise InputError(ALREADY)
    old = {number: _opened_by(exchange, number, made)[1] for number in (META_KEY, FILE_KEY)}
    session, _ = _opened_by(exchange, 0, made)
    for at, piece in _pieces(made.file):
        session.write(NDEF_FILE, at, piece)
    session.change_settings(NDEF_FILE, made.settings)
    for number, key in (*old.items(), (0, FROM_THE_SHOP)):
        if key != made.keys[number]:
            session.change_key(number, made.keys[number], key, version % 256)


def _opened_by(exchange: Exchange, number: int, made: Programme) -> tuple[Session, bytes]:
    """A session under that key, and which it is: as from the shop, or already ours."""
    for key in (FROM_THE_SHOP, made.keys[number]):
        session = secure.authenticate(exchange, number, key)
        if session is not None:
            return session, key
    raise InputError(f"this card does not take it: {FOREIGN}")


def _pieces(file: bytes) -> Iterable[tuple[int, bytes]]:
    """The length last: a card that is torn away says nothing, and no half of an address."""
    yield 0, bytes(LENGTH_BYTES)
    for at in range(LENGTH_BYTES, len(file), AT_ONCE):
        yield at, file[at : at + AT_ONCE]
    yield 0, file[:LENGTH_BYTES]
