"""Bytes from a serial reader to card numbers. Pure; never raises, whatever comes down the line."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import xor

STX, ETX = 0x02, 0x03
LONGEST_FRAME = 64
NUMBER_DIGITS, SUM_DIGITS = 10, 2


class LineParser:
    """Frames `STX 10 hex, 2 hex sum, [CR LF] ETX` (RDM6300, ID-12, ID-20), and lines of 8 … 20 hex digits.

    What does not check is dropped and counted in `bad`; the next STX or line end begins anew.
    """

    def __init__(self) -> None:
        self.bad = 0
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, str]]:
        """Each complete number with its tech: "em125k" from a summed frame, "hex" from a line."""
        for byte in data:
            found = self._take(byte)
            if found is not None:
                yield found

    def forget(self) -> None:
        """Drop what is not whole yet: the line has been silent for longer than a reader pauses."""
        self.bad += bool(self._held)
        self._held.clear()

    def _take(self, byte: int) -> tuple[bytes, str] | None:
        in_frame = self._held[:1] == bytes([STX])
        if byte == STX:
            self.bad += bool(self._held)
            self._held = bytearray([STX])
        elif byte == ETX and in_frame:
            return self._ended(_framed(bytes(self._held[1:])))
        elif byte in b"\r\n" and not in_frame:
            return self._ended(_line(bytes(self._held))) if self._held else None
        else:
            self._hold(byte)
        return None

    def _hold(self, byte: int) -> None:
        self._held.append(byte)
        if len(self._held) > LONGEST_FRAME:
            self._held.clear()
            self.bad += 1

    def _ended(self, found: tuple[bytes, str] | None) -> tuple[bytes, str] | None:
        self._held.clear()
        self.bad += found is None
        return found


def _framed(body: bytes) -> tuple[bytes, str] | None:
    raw = _unhex(body.removesuffix(b"\r\n"), range(NUMBER_DIGITS + SUM_DIGITS, NUMBER_DIGITS + SUM_DIGITS + 1))
    if raw is None or reduce(xor, raw):
        return None
    return raw[:-1], "em125k"


def _line(text: bytes) -> tuple[bytes, str] | None:
    raw = _unhex(text, range(8, 21, 2))
    return None if raw is None else (raw, "hex")


def _unhex(text: bytes, lengths: range) -> bytes | None:
    """Strictly hex digits: `bytes.fromhex` would let blanks through."""
    if len(text) not in lengths or not text.isalnum():
        return None
    try:
        return bytes.fromhex(text.decode("ascii"))
    except ValueError:
        return None
