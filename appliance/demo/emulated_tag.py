"""Cards without air: what a type A tag answers, for the simulated readers of the demo, the tests and benchmarks."""

from __future__ import annotations

from functools import reduce
from operator import xor

SENSE, WAKE_UP = b"\x26", b"\x52"
ANTICOLLISION = (0x93, 0x95, 0x97)
READ, WRITE = 0x30, 0xA2
PAGE = 4
ACK, NAK = b"\x0a", b"\x00"
STATIC_LOCK, CAPABILITY, USER, STATIC_END = 10, 12, 16, 64


class Tag:
    """A tag with a 4-, 7- or 10-byte number. It answers polls and selection; `READ` and `WRITE` if it has pages.

    pages: the memory, b"" = all zeros; None for a card that will not be read without a key, as MIFARE Classic.
    """

    def __init__(self, uid: bytes, *, sel_res: int = 0x00, pages: bytes | None = b"") -> None:
        self.uid = uid
        self.sel_res = sel_res
        self.pages = None if pages is None else bytearray(pages)
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
        if self.pages is not None and len(command) == 2 and command[0] == READ:
            return bytes(self.pages[command[1] * PAGE :][:16]).ljust(16, b"\0")
        if self.pages is not None and len(command) == 2 + PAGE and command[0] == WRITE:
            return self._write(command[1] * PAGE, command[2:])
        return None

    def _write(self, at: int, data: bytes) -> bytes:
        """As NTAG does: locked pages refuse, and what locks or says the size can only be set, never taken back."""
        assert self.pages is not None
        dynamic_lock = USER + self.pages[CAPABILITY + 2] * 8
        locks = self.pages[STATIC_LOCK:CAPABILITY] if at < STATIC_END else self.pages[dynamic_lock : dynamic_lock + 3]
        if at < STATIC_LOCK - 2 or at + PAGE > len(self.pages) or (CAPABILITY <= at < dynamic_lock and any(locks)):
            return NAK
        old = self.pages[at : at + PAGE]
        once = bytes(a | b for a, b in zip(old, data, strict=True))
        if at == STATIC_LOCK - 2:
            once = bytes(old[:2]) + once[2:]
        self.pages[at : at + PAGE] = once if at < USER or at == dynamic_lock else data
        return ACK

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


def sticker(uid: bytes, message: bytes = b"", *, user_bytes: int = 144) -> Tag:
    """An NTAG213 (or another, by `user_bytes`) as it comes from the shop, with an NDEF message on it."""
    size = bytes([len(message)]) if len(message) < 0xFF else b"\xff" + len(message).to_bytes(2, "big")
    head = uid[:3] + bytes([0x88 ^ uid[0] ^ uid[1] ^ uid[2]]) + uid[3:7] + bytes([reduce(xor, uid[3:7]), 0x48, 0, 0])
    memory = head + bytes([0xE1, 0x10, user_bytes // 8, 0]) + b"\x03" + size + message + b"\xfe"
    return Tag(uid, pages=memory.ljust(USER + user_bytes + 5 * PAGE, b"\0"))
