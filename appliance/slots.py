"""A small file that is written over where it lies: to replace one costs the card ten times what is in it, for a file
system notes names, sizes and places twice."""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SLOT_BYTES = 16 << 10
_HEAD = struct.Struct("<QII")  # which writing it is, how many bytes follow, the CRC of both


class Slots:
    """One JSON object in two slots, written in turn: whatever a power cut tears, the other one is whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next: int | None = None

    def write(self, state: Mapping[str, Any]) -> None:
        """Take the place of the older one, on the card when this returns. Raises OSError where the disk refuses,
        ValueError for more than a slot holds."""
        body = zlib.compress(json.dumps(state, separators=(",", ":")).encode())
        if _HEAD.size + len(body) > SLOT_BYTES:
            raise ValueError(f"{self._path.name}: {len(body)} bytes are more than a slot holds")
        if self._next is None:
            self._next = max((number for number, _ in self._whole()), default=-1) + 1
        slot = _HEAD.pack(self._next, len(body), _crc(body, self._next)) + body
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("r+b" if self._path.exists() else "w+b") as file:
            file.seek(SLOT_BYTES * (self._next % 2))
            file.write(slot)
            file.flush()
            os.fdatasync(file.fileno())  # what lies in its place already costs no journal
        self._next += 1

    def read(self) -> dict[str, Any]:
        """What was written last and is whole, {} when nothing is."""
        _, state = max(self._whole(), key=lambda slot: slot[0], default=(0, {}))
        return state

    def _whole(self) -> list[tuple[int, dict[str, Any]]]:
        try:
            both = self._path.read_bytes()
        except OSError:
            return []
        slots = (_unpacked(both[start : start + SLOT_BYTES]) for start in (0, SLOT_BYTES))
        return [slot for slot in slots if slot is not None]


def _crc(body: bytes, number: int) -> int:
    return zlib.crc32(body, number & 0xFFFFFFFF)


def _unpacked(slot: bytes) -> tuple[int, dict[str, Any]] | None:
    if len(slot) < _HEAD.size:
        return None
    number, size, crc = _HEAD.unpack_from(slot)
    body = slot[_HEAD.size : _HEAD.size + size]
    if len(body) != size or _crc(body, number) != crc:
        return None
    try:
        state = json.loads(zlib.decompress(body))
    except (zlib.error, ValueError, RecursionError):
        return None
    return (number, state) if isinstance(state, dict) else None
