"""An NTAG 424 DNA as it comes from the shop: it lets itself be programmed by whoever knows its keys, and obeys."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from appliance.demo.emulated_tag import Tag
from checkin.sun import signature

ISO_DEP, RATS, SELECT, READ = 0x20, 0xE0, 0xA4, 0xB0
ANSWER_TO_SELECT = bytes.fromhex("0577716002")  # frames of 128 bytes
CAPABILITIES = bytes.fromhex("001720010000FF0406E104010000000506E10500808283")
APPLICATION = bytes.fromhex("D2760000850101")
LONGEST_FRAME = 128 - 3
NOT_FOUND, WRONG_MODE, NOT_ALLOWED = b"\x6a\x82", b"\x91\x7e", b"\x91\x9d"
NO_SUCH, INTEGRITY, WRONG_KEY, GOES_ON, FINE = b"\x91\x1c", b"\x91\x1e", b"\x91\xae", b"\x91\xaf", b"\x91\x00"


class BlankNtag424(Tag):
    """keys: its five, by number. file: the NDEF file. settings: what ChangeFileSettings told of it, b"" = nothing.

    pulled_after: so many exchanges, and it is gone. speaks_lrp: it takes no AES. heard: the commands that came.
    """

    def __init__(self, uid: bytes, *, pulled_after: int | None = None, speaks_lrp: bool = False) -> None:
        super().__init__(uid, sel_res=ISO_DEP, pages=None)
        self.keys = [bytes(16) for _ in range(5)]
        self.file = bytearray(256)
        self.settings = b""
        self.counter = 0
        self.pulled_after = pulled_after
        self.speaks_lrp = speaks_lrp
        self.heard: list[int] = []
        self._shut()

    def _shut(self) -> None:
        self._asked: tuple[int, bytes] | None = None
        self._session: tuple[int, bytes, bytes, bytes] | None = None
        self._commands = 0
        self._chosen = b""

    def answer(self, command: bytes) -> bytes | None:
        if command == b"\x26":
            self._shut()
        if command[0] == RATS:
            return ANSWER_TO_SELECT
        if command[0] & 0xE2 != 0x02 or len(command) <= 4:
            return super().answer(command)
        assert len(command) <= LONGEST_FRAME
        if self.pulled_after is not None:
            self.pulled_after -= 1
            if self.pulled_after < 0:
                return None
        return command[:1] + self._apdu(command[1:])

    def _apdu(self, apdu: bytes) -> bytes:
        if apdu[0] == 0x90:
            return self._native(apdu[1], apdu[5 : 5 + apdu[4]])
        if apdu[1] == SELECT:
            return self._choose(apdu[2], apdu[5 : 5 + apdu[4]])
        if apdu[1] == READ and self._chosen:
            at = int.from_bytes(apdu[2:4], "big")
            return self._chosen[at : at + min(apdu[4] or 256, 120)] + b"\x90\x00"
        return NOT_FOUND

    def _choose(self, by: int, name: bytes) -> bytes:
        if by == 0x04:
            self._shut()
            return b"\x90\x00" if name == APPLICATION else NOT_FOUND
        files: dict[bytes, Callable[[], bytes]] = {b"\xe1\x03": lambda: CAPABILITIES, b"\xe1\x04": self._said}
        if name not in files:
            return NOT_FOUND
        self._chosen = files[name]()
        return b"\x90\x00"

    def _said(self) -> bytes:
        """The file with the chip's words in their places, by its own settings and keys. Choosing it counts."""
        if not self.settings:
            return bytes(self.file)
        assert self.settings[:4] == bytes.fromhex("4000E0C1")
        assert self.settings[4] == 0xFF
        sealed_by, signed_by = self.settings[5] >> 4, self.settings[5] & 15
        sealed_at, from_at, mac_at = (int.from_bytes(self.settings[at : at + 3], "little") for at in (6, 9, 12))
        self.counter += 1
        plain = b"\xc7" + self.uid + self.counter.to_bytes(3, "little") + os.urandom(5)
        said = bytearray(self.file)
        said[sealed_at : sealed_at + 32] = _aes(self.keys[sealed_by], bytes(16), plain).hex().upper().encode()
        mac = signature(self.keys[signed_by], self.uid, self.counter, bytes(said[from_at:mac_at]))
        said[mac_at : mac_at + 16] = mac.hex().upper().encode()
        return bytes(said)

    def _native(self, command: int, data: bytes) -> bytes:
        self.heard.append(command)
        if command == 0x71:
            return self._ask(data[0])
        if command == 0xAF:
            return self._prove(data)
        if self._session is None:
            return NOT_ALLOWED
        if command == 0x8D:
            return self._write(data)
        if command in (0x5F, 0xC4):
            return self._sealed(command, data)
        return NO_SUCH

    def _ask(self, number: int) -> bytes:
        self._session = None
        if self.speaks_lrp:
            return NOT_ALLOWED
        self._asked = number, os.urandom(16)
        return _aes(self.keys[number], bytes(16), self._asked[1]) + GOES_ON

    def _prove(self, data: bytes) -> bytes:
        asked, self._asked = self._asked, None
        if asked is None or len(data) != 32:
            return NO_SUCH
        number, ours = asked
        key = self.keys[number]
        told = _unaes(key, bytes(16), data)
        theirs = told[:16]
        if told[16:] != ours[1:] + ours[:1]:
            return WRONG_KEY
        name = os.urandom(4)
        both = theirs[:2] + bytes(a ^ b for a, b in zip(theirs[2:8], ours[:6], strict=True)) + ours[6:] + theirs[8:]
        self._session = (
            number,
            _mac(key, b"\xa5\x5a\x00\x01\x00\x80" + both),
            _mac(key, b"\x5a\xa5\x00\x01\x00\x80" + both),
            name,
        )
        self._commands = 0
        return _aes(key, bytes(16), name + theirs[1:] + theirs[:1] + bytes(12)) + FINE

    def _write(self, data: bytes) -> bytes:
        """From the shop anybody may; with our settings key 0 only."""
        assert self._session is not None
        at, size = int.from_bytes(data[1:4], "little"), int.from_bytes(data[4:7], "little")
        if data[0] != 2 or at + size > len(self.file) or size != len(data) - 7:
            return NO_SUCH
        if self.settings and self._session[0] != 0:
            return NOT_ALLOWED
        self.file[at : at + size] = data[7:]
        self._commands += 1
        return FINE

    def _sealed(self, command: int, data: bytes) -> bytes:
        assert self._session is not None
        number, encrypts, signs, name = self._session
        count = self._commands.to_bytes(2, "little")
        if _mac(signs, bytes([command]) + count + name + data[:-8])[1::2] != data[-8:]:
            self._session = None
            return INTEGRITY
        start = _aes(encrypts, bytes(16), b"\xa5\x5a" + name + count + bytes(8))
        plain = _unaes(encrypts, start, data[1:-8]).rstrip(b"\0")
        if plain[-1:] != b"\x80":
            return INTEGRITY
        status = self._set(data[0], plain[:-1]) if command == 0x5F else self._change(number, data[0], plain[:-1])
        if status != FINE or self._session is None:
            return status
        self._commands += 1
        return _mac(signs, status[1:] + self._commands.to_bytes(2, "little") + name)[1::2] + status

    def _set(self, file: int, settings: bytes) -> bytes:
        if file != 2 or (self._session and self._session[0] != 0):
            return NOT_ALLOWED
        self.settings = settings
        return FINE

    def _change(self, opened_by: int, number: int, plain: bytes) -> bytes:
        if opened_by != 0:
            return NOT_ALLOWED
        if number == 0:
            self.keys[0] = plain[:16]
            self._session = None
            return FINE
        new = bytes(a ^ b for a, b in zip(plain[:16], self.keys[number], strict=True))
        if plain[17:] != (zlib.crc32(new) ^ 0xFFFFFFFF).to_bytes(4, "little"):
            self._session = None
            return INTEGRITY
        self.keys[number] = new
        return FINE


def _aes(key: bytes, start: bytes, data: bytes) -> bytes:
    maker = Cipher(algorithms.AES(key), modes.CBC(start)).encryptor()
    return maker.update(data) + maker.finalize()


def _unaes(key: bytes, start: bytes, data: bytes) -> bytes:
    opener = Cipher(algorithms.AES(key), modes.CBC(start)).decryptor()
    return opener.update(data) + opener.finalize()


def _mac(key: bytes, data: bytes) -> bytes:
    maker = CMAC(algorithms.AES(key))
    maker.update(data)
    return maker.finalize()
