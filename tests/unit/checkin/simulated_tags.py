"""Tags without air: what a card answers, for the simulated readers beside this file."""

from __future__ import annotations

from functools import reduce
from operator import xor

SENSE, WAKE_UP = b"\x26", b"\x52"
ANTICOLLISION = (0x93, 0x95, 0x97)
READ = 0x30


class Tag:
    """A type A tag with a 4-, 7- or 10-byte number. It answers polls and selection; `READ` if it has pages.

    pages: None for a card that will not be read without a key, as MIFARE Classic.
    """

    def __init__(self, uid: bytes, *, sel_res: int = 0x00, pages: bytes | None = b"") -> None:
        self.uid = uid
        self.sel_res = sel_res
        self._pages = pages
        self._levels = self._cascade(uid)

    @property
    def sens_res(self) -> bytes:
        return b"\x44\x00" if len(self.uid) > 4 else b"\x04\x00"

    def answer(self, command: bytes) -> bytes | None:
        """The reply to one command, None for silence."""
        if command in (SENSE, WAKE_UP):
            return self.sens_res
        if len(command) >= 2 and command[0] in ANTICOLLISION:
            return self._select(ANTICOLLISION.index(command[0]), command[1:])
        if command[0] == READ and self._pages is not None:
            return self._pages[command[1] * 4 :][:16].ljust(16, b"\0")
        return None

    @staticmethod
    def _cascade(uid: bytes) -> list[bytes]:
        """Four bytes a level; every level but the last begins with the cascade tag."""
        parts, rest = [], uid
        while len(rest) > 4:
            parts.append(b"\x88" + rest[:3])
            rest = rest[3:]
        return [*parts, rest]

    def _select(self, level: int, rest: bytes) -> bytes | None:
        if level >= len(self._levels):
            return None
        part = self._levels[level]
        checked = part + bytes([reduce(xor, part)])
        if rest == b"\x20":
            return checked
        if rest == b"\x70" + checked:
            more = 0x04 if level + 1 < len(self._levels) else 0x00
            return bytes([self.sel_res & 0xFB | more])
        return None


def classic(uid: bytes) -> Tag:
    return Tag(uid, sel_res=0x08, pages=None)
