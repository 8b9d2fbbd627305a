"""What is written on a tag: NDEF messages of addresses and texts. Pure; never raises, whatever is on it.

A tag is a stranger's word. Nothing here is opened, followed or shown; callers look for what we signed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

LONGEST_MESSAGE = 4096
MOST_RECORDS = 16
LONGEST_URI = 1024

_CAPABILITY, _USER = 12, 16
_NULL, _MESSAGE, _END = 0x00, 0x03, 0xFE
_BEGIN, _LAST, _CHUNKED, _SHORT, _WITH_ID = 0x80, 0x40, 0x20, 0x10, 0x08
_WELL_KNOWN = 0x01
_PREFIXES = ("", "http://www.", "https://www.", "http://", "https://")
_SCHEMES = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class Record:
    """An address (http or https, no others) or a text."""

    kind: Literal["uri", "text"]
    value: str


def uri_message(url: str) -> bytes:
    """One address as an NDEF message."""
    code = max(
        range(len(_PREFIXES)), key=lambda index: len(_PREFIXES[index]) if url.startswith(_PREFIXES[index]) else 0
    )
    payload = bytes([code]) + url[len(_PREFIXES[code]) :].encode()
    if len(payload) < 256:
        head = bytes([_BEGIN | _LAST | _SHORT | _WELL_KNOWN, 1, len(payload)])
    else:
        head = bytes([_BEGIN | _LAST | _WELL_KNOWN, 1]) + len(payload).to_bytes(4, "big")
    return head + b"U" + payload


def records_of(message: bytes) -> tuple[Record, ...]:
    """The addresses and texts of a message. One that is torn, too long or in pieces says nothing at all."""
    if not message or len(message) > LONGEST_MESSAGE:
        return ()
    found: list[Record] = []
    for kind, payload in _raw_records(message) or ():
        record = _uri(payload) if kind == b"U" else _text(payload) if kind == b"T" else None
        if record is not None:
            found.append(record)
    return tuple(found)


def message_in(memory: bytes) -> bytes:
    """The NDEF message in the memory of a Type 2 tag, read from its first page on; b"" when there is none."""
    if not is_formatted(memory):
        return b""
    found = next(_blocks(memory), None)
    return b"" if found is None else memory[found[0] : found[0] + found[1]]


def bytes_to_read(memory: bytes) -> int:
    """How much of the memory must be read to have its message whole, judged by the part read so far: at least its
    first 24 bytes. 0 when there is none."""
    if not is_formatted(memory):
        return 0
    found = next(_blocks(memory), None)
    if found is None or found[1] == 0:
        return 0
    end = found[0] + found[1]
    return end if end <= _USER + memory[_CAPABILITY + 2] * 8 and found[1] <= LONGEST_MESSAGE else 0


def is_formatted(memory: bytes) -> bool:
    return len(memory) > _USER and memory[_CAPABILITY] == 0xE1 and memory[_CAPABILITY + 1] >> 4 == 1


def _blocks(memory: bytes) -> Iterator[tuple[int, int]]:
    """(start, length) of message blocks, as far as the memory tells."""
    at = _USER
    while at + 1 < len(memory) and memory[at] != _END:
        if memory[at] == _NULL:
            at += 1
            continue
        kind, size, start = memory[at], memory[at + 1], at + 2
        if size == 0xFF:
            size, start = int.from_bytes(memory[at + 2 : at + 4], "big"), at + 4
        if kind == _MESSAGE:
            yield start, size
        at = start + size


def _raw_records(message: bytes) -> list[tuple[bytes, bytes]] | None:
    """(type, payload) of each well-known record; None unless the message is whole from first to last byte."""
    found: list[tuple[bytes, bytes]] = []
    at = count = 0
    while at < len(message):
        header = message[at]
        record = _record_at(message, at)
        if record is None or bool(header & _BEGIN) != (count == 0) or header & _CHUNKED or count == MOST_RECORDS:
            return None
        kind, payload, at = record
        count += 1
        if header & 0x07 == _WELL_KNOWN:
            found.append((kind, payload))
        if header & _LAST:
            return found if at == len(message) else None
    return None


def _record_at(message: bytes, at: int) -> tuple[bytes, bytes, int] | None:
    """(type, payload, where the next begins), None when it goes past the end."""
    header, rest = message[at], message[at + 1 :]
    sizes = 1 + (1 if header & _SHORT else 4) + (1 if header & _WITH_ID else 0)
    if len(rest) < sizes:
        return None
    type_size = rest[0]
    payload_size = rest[1] if header & _SHORT else int.from_bytes(rest[1:5], "big")
    id_size = rest[sizes - 1] if header & _WITH_ID else 0
    start = at + 1 + sizes + type_size + id_size
    if start + payload_size > len(message):
        return None
    return message[at + 1 + sizes :][:type_size], message[start : start + payload_size], start + payload_size


def _uri(payload: bytes) -> Record | None:
    if not payload or len(payload) > LONGEST_URI or payload[0] >= len(_PREFIXES):
        return None
    try:
        url = _PREFIXES[payload[0]] + payload[1:].decode("ascii")
    except UnicodeDecodeError:
        return None
    return Record("uri", url) if url.startswith(_SCHEMES) and url.isprintable() and " " not in url else None


def _text(payload: bytes) -> Record | None:
    if not payload or 1 + (payload[0] & 0x3F) > len(payload):
        return None
    try:
        text = payload[1 + (payload[0] & 0x3F) :].decode("utf-16" if payload[0] & 0x80 else "utf-8")
    except UnicodeDecodeError:
        return None
    return Record("text", text) if text.isprintable() else None
