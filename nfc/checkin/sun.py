"""NTAG 424 DNA: cards that sign what they say, anew at each read (NXP's SUN, in AES mode; AN12196 and AN10922).

The address on such a card has the card's number and a counter in it, and the chip's signature over both. Box and cloud
share this file. That a counter only rises is for the caller to see to: whoever has read an address may send it again.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from checkin.tokens import key_for, key_hash

TECH = "sun"
KEY_BYTES = 16
FORM = "VERSION:META_KEY:FILE_KEY, each key 32 hexadecimal digits, versions with commas between"

_ADDRESS = re.compile(
    r"https?://[^\s?#]+/t\?v=(?P<version>\d{1,4})&"
    r"(?:e=(?P<sealed>[0-9A-F]{32})|u=(?P<uid>[0-9A-F]{14})&n=(?P<counter>[0-9A-F]{6}))&c=(?P<mac>[0-9A-F]{16})",
    re.ASCII | re.IGNORECASE,
)
_KEYS = re.compile(r"(\d{1,4}):([0-9A-Fa-f]{32}):([0-9A-Fa-f]{32})", re.ASCII)
_UID_AND_COUNTER = 0xC7  # what is sealed: a number of seven bytes, and the counter
_UID = slice(1, 8)
_COUNTER = slice(8, 11)
_SESSION = bytes.fromhex("3CC300010080")
_APPLICATION, _SYSTEM = bytes.fromhex("D2760000850101"), b"cosound"
_GUARD = b"cosound guard"


@dataclass(frozen=True, slots=True)
class SunKeys:
    """One version of an organisation's keys, 16 bytes each.

    meta: opens what a card sealed, the same on all cards. file: the master from which each card has its own key.
    """

    version: int
    meta: bytes = field(repr=False)
    file: bytes = field(repr=False)

    def of_card(self, uid: bytes) -> bytes:
        """The key that this card signs with."""
        return diversified(self.file, uid + _APPLICATION + _SYSTEM)

    def guard_of_card(self, uid: bytes) -> bytes:
        """The key that this card wants to hear before it is changed."""
        return diversified(self.file, uid + _APPLICATION + _GUARD)

    def key_hash(self, uid: bytes) -> str:
        """The card's name in a database: another one than of the bare number, which anybody can copy."""
        return key_hash(key_for(self.file, "card"), TECH, uid)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a card said and signed."""

    uid: bytes = field(repr=False)
    counter: int
    version: int


def parse_keys(text: str) -> tuple[SunKeys, ...]:
    """The keys as an operator writes them, the version now in use first. Raises ValueError, which shows no key."""
    found: list[SunKeys] = []
    for part in text.split(",") if text.strip() else []:
        keys = _KEYS.fullmatch(part.strip())
        if keys is None:
            raise ValueError(f"must be {FORM}")
        found.append(SunKeys(int(keys[1]), bytes.fromhex(keys[2]), bytes.fromhex(keys[3])))
    if len({keys.version for keys in found}) < len(found):
        raise ValueError("names a version twice")
    return tuple(found)


def template(base: str, version: int) -> str:
    """What is written on a card of ours; the chip puts its words in place of the zeros."""
    return f"{base}/t?v={version}&e={'0' * 32}&c={'0' * 16}"


def is_signed(address: str) -> bool:
    """Has it the form of what a signing card says? That it is true is another question."""
    return _ADDRESS.fullmatch(address) is not None


def read(keys: Sequence[SunKeys], address: str) -> Proof | None:
    """What the card said, None unless it signed that with the key that is its own. Never raises."""
    said = _ADDRESS.fullmatch(address)
    ours = next((one for one in keys if said and one.version == int(said["version"])), None)
    if said is None or ours is None:
        return None
    if said["sealed"]:
        opened = _opened(ours.meta, bytes.fromhex(said["sealed"]))
        if opened is None:
            return None
        uid, counter = opened
    else:
        uid, counter = bytes.fromhex(said["uid"]), int(said["counter"], 16)
    true_mac = signature(ours.of_card(uid), uid, counter)
    return Proof(uid, counter, ours.version) if hmac.compare_digest(true_mac, bytes.fromhex(said["mac"])) else None


def signature(card_key: bytes, uid: bytes, counter: int, data: bytes = b"") -> bytes:
    """Eight bytes over a number, a counter and `data` (AN12196: every second byte of the session's CMAC)."""
    session_key = cmac(card_key, _SESSION + uid + counter.to_bytes(3, "little"))
    return cmac(session_key, data)[1::2]


def diversified(master: bytes, data: bytes) -> bytes:
    """A key drawn from a master (AN10922, AES-128). data: 16 to 31 bytes."""
    if not KEY_BYTES <= len(data) < 2 * KEY_BYTES:
        raise ValueError(f"a key is drawn by 16 to 31 bytes, not {len(data)}")
    return cmac(master, b"\x01" + data)


def cmac(key: bytes, message: bytes) -> bytes:
    """AES-CMAC, 16 bytes."""
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.cmac import CMAC

    maker = CMAC(AES(key))
    maker.update(message)
    return maker.finalize()


def _opened(key: bytes, sealed: bytes) -> tuple[bytes, int] | None:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    opener = Cipher(algorithms.AES(key), modes.CBC(bytes(KEY_BYTES))).decryptor()
    plain = opener.update(sealed) + opener.finalize()
    if plain[0] != _UID_AND_COUNTER:
        return None
    return plain[_UID], int.from_bytes(plain[_COUNTER], "little")
