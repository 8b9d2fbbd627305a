"""Being obeyed by an NTAG 424 DNA: proving to know its key, and sealed commands (NXP's EV2 messages in AES; AN12196).

Pure but for `exchange`: how a command gets to the card.
"""

from __future__ import annotations

import hmac
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from checkin.sun import KEY_BYTES, cmac

# A command's number and its data; what comes back is the card's status and its answer.
Exchange = Callable[[int, bytes], tuple[int, bytes]]

AUTHENTICATE, GO_ON, CHANGE_KEY, CHANGE_SETTINGS, WRITE = 0x71, 0xAF, 0xC4, 0x5F, 0x8D
DONE, MORE, WRONG_KEY = 0x00, 0xAF, 0xAE
_FOR_ENCRYPTION, _FOR_MACS = bytes.fromhex("A55A00010080"), bytes.fromhex("5AA500010080")
_ASKED, _ANSWERED = b"\xa5\x5a", b"\x5a\xa5"
_MAC_BYTES = 8


class Refused(Exception):
    """The card said no. status: its word for it."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the card says 91{status:02X}")
        self.status = status


@dataclass(slots=True)
class Session:
    """What card and reader share once both have proven to know key `number`. counter: commands so far."""

    exchange: Exchange
    number: int
    encrypts: bytes = field(repr=False)
    signs: bytes = field(repr=False)
    name: bytes
    counter: int = 0

    def change_settings(self, file: int, settings: bytes) -> None:
        self._sealed(CHANGE_SETTINGS, bytes([file]), settings)

    def change_key(self, number: int, new: bytes, old: bytes, version: int) -> None:
        """The card forgets who we are when it was our own key, and then signs no answer."""
        if number == self.number:
            self._sealed(CHANGE_KEY, bytes([number]), new + bytes([version]), is_last=True)
            return
        mixed = bytes(one ^ other for one, other in zip(new, old, strict=True))
        self._sealed(CHANGE_KEY, bytes([number]), mixed + bytes([version]) + check_sum(new))

    def write(self, file: int, at: int, data: bytes) -> None:
        """Into a file that is spoken to in plain words."""
        _done(*self.exchange(WRITE, bytes([file]) + at.to_bytes(3, "little") + len(data).to_bytes(3, "little") + data))
        self.counter += 1

    def _sealed(self, command: int, head: bytes, data: bytes, *, is_last: bool = False) -> None:
        body = head + _encrypted(self.encrypts, self._start(_ASKED), _padded(data))
        status, answer = self.exchange(command, body + self._mac(bytes([command]), body))
        self.counter += 1
        _done(status, answer)
        if not is_last and not hmac.compare_digest(answer, self._mac(bytes([status]), b"")):
            raise Refused(status)

    def _mac(self, begin: bytes, body: bytes) -> bytes:
        return cmac(self.signs, begin + self.counter.to_bytes(2, "little") + self.name + body)[1::2]

    def _start(self, way: bytes) -> bytes:
        return _encrypted(
            self.encrypts, bytes(KEY_BYTES), way + self.name + self.counter.to_bytes(2, "little") + bytes(8)
        )


def authenticate(
    exchange: Exchange, number: int, key: bytes, random: Callable[[int], bytes] = os.urandom
) -> Session | None:
    """A session, None when this is not the card's key of that number. Raises Refused for any other no."""
    status, sealed = exchange(AUTHENTICATE, bytes([number, 0]))
    if status != MORE or len(sealed) != KEY_BYTES:
        raise Refused(status)
    theirs, ours = _decrypted(key, sealed), random(KEY_BYTES)
    status, sealed = exchange(GO_ON, _encrypted(key, bytes(KEY_BYTES), ours + theirs[1:] + theirs[:1]))
    if status == WRONG_KEY:
        return None
    _done(status, sealed)
    told = _decrypted(key, sealed) if len(sealed) == 2 * KEY_BYTES else bytes(2 * KEY_BYTES)
    if not hmac.compare_digest(told[4:20], ours[1:] + ours[:1]):
        raise Refused(status)
    mixed = bytes(one ^ other for one, other in zip(ours[2:8], theirs[:6], strict=True))
    both = ours[:2] + mixed + theirs[6:] + ours[8:]
    return Session(exchange, number, cmac(key, _FOR_ENCRYPTION + both), cmac(key, _FOR_MACS + both), told[:4])


def check_sum(key: bytes) -> bytes:
    """CRC32 without its last inversion, by which the card tells a new key from rubbish."""
    return (zlib.crc32(key) ^ 0xFFFFFFFF).to_bytes(4, "little")


def _done(status: int, _answer: bytes) -> None:
    if status != DONE:
        raise Refused(status)


def _padded(data: bytes) -> bytes:
    return (data + b"\x80").ljust(-(-(len(data) + 1) // KEY_BYTES) * KEY_BYTES, b"\0")


def _encrypted(key: bytes, start: bytes, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    maker = Cipher(algorithms.AES(key), modes.CBC(start)).encryptor()
    return maker.update(data) + maker.finalize()


def _decrypted(key: bytes, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    opener = Cipher(algorithms.AES(key), modes.CBC(bytes(KEY_BYTES))).decryptor()
    return opener.update(data) + opener.finalize()
