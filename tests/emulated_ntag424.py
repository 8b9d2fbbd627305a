"""An NTAG 424 DNA without air: it speaks ISO-DEP, and signs its address anew at each read of its file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Literal

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from appliance.demo.emulated_tag import Tag
from checkin.message import uri_message
from checkin.sun import SunKeys, signature

ISO_DEP = 0x20
RATS, SELECT_FILE, READ_BINARY = 0xE0, 0xA4, 0xB0
ANSWER_TO_SELECT = bytes.fromhex("0577716002")  # frames of 128 bytes, as the datasheet has it
CAPABILITIES = bytes.fromhex("001720010000FF0406E10401000000")
APPLICATION, CAPABILITY_FILE, NDEF_FILE = bytes.fromhex("D2760000850101"), b"\xe1\x03", b"\xe1\x04"
DONE, NOT_FOUND = b"\x90\x00", b"\x6a\x82"


def sealed(keys: SunKeys, uid: bytes, counter: int) -> bytes:
    """Number and counter as the chip encrypts them."""
    plain = b"\xc7" + uid + counter.to_bytes(3, "little") + os.urandom(5)
    maker = Cipher(algorithms.AES(keys.meta), modes.CBC(bytes(16))).encryptor()
    return maker.update(plain) + maker.finalize()


def said(keys: SunKeys, base: str, uid: bytes, counter: int, *, plain: bool = False) -> str:
    """The address as the chip fills it in."""
    mac = signature(keys.of_card(uid), uid, counter).hex().upper()
    who = f"u={uid.hex().upper()}&n={counter:06X}" if plain else f"e={sealed(keys, uid, counter).hex().upper()}"
    return f"{base}/t?v={keys.version}&{who}&c={mac}"


@dataclass
class Ntag424(Tag):
    """uid: its true number. shows: the number that is seen on the air, which may be drawn anew at each look."""

    keys: SunKeys
    base: str
    uid: bytes
    shows: Literal["uid", "random"] = "uid"
    counter: int = 0
    pulled_after: int | None = None  # so many exchanges, and it is gone

    def __post_init__(self) -> None:
        self._file = b""
        self._true = self.uid
        super().__init__(self._seen(), sel_res=ISO_DEP, pages=None)

    def answer(self, command: bytes) -> bytes | None:
        if self.pulled_after is not None and (command[0] == RATS or command[0] & 0xE2 == 0x02):
            self.pulled_after -= 1
            if self.pulled_after < 0:
                return None
        if command == b"\x26":
            super().__init__(self._seen(), sel_res=ISO_DEP, pages=None)
        if command[0] == RATS:
            self._file = b""
            return ANSWER_TO_SELECT
        if command[0] & 0xE2 == 0x02 and len(command) > 4:
            return command[:1] + self._apdu(command[1:])
        return super().answer(command)

    def _seen(self) -> bytes:
        return b"\x08" + os.urandom(3) if self.shows == "random" else self._true

    def _apdu(self, apdu: bytes) -> bytes:
        if apdu[1] == SELECT_FILE:
            return self._choose(apdu[2], apdu[5 : 5 + apdu[4]])
        if apdu[1] == READ_BINARY and self._file:
            at = int.from_bytes(apdu[2:4], "big")
            return self._file[at : at + min(apdu[4] or 256, 120)] + DONE
        return NOT_FOUND

    def _choose(self, by: int, name: bytes) -> bytes:
        """Selecting the file is when the chip counts."""
        if by == 0x04:
            return DONE if name == APPLICATION else NOT_FOUND
        if name == CAPABILITY_FILE:
            self._file = CAPABILITIES
        elif name == NDEF_FILE:
            self.counter += 1
            message = self._message()
            self._file = len(message).to_bytes(2, "big") + message
        else:
            return NOT_FOUND
        return DONE

    def _message(self) -> bytes:
        return uri_message(said(self.keys, self.base, self._true, self.counter))


@dataclass
class Endless(Ntag424):
    """A hostile one: its file is 64 KB long and it never gives any of it, or it asks for time for ever."""

    stalls: bool = False

    def _apdu(self, apdu: bytes) -> bytes:
        if apdu[1] == READ_BINARY and self._file.startswith(b"\xff\xff"):
            return (self._file[:2] if apdu[2:4] == b"\0\0" else b"") + DONE
        return super()._apdu(apdu)

    def _message(self) -> bytes:
        return b"x" * 0xFFFF

    def answer(self, command: bytes) -> bytes | None:
        waits = self.stalls and (re.match(rb"[\x02\x03]\x00\xb0|\xf2", command, re.DOTALL) is not None)
        return b"\xf2\x01" if waits else super().answer(command)
