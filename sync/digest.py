"""What two sides say to find out whether they hold the same rows; both reckon it here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def row_digest(tbl: str, pk: str, row: Mapping[str, Any]) -> int:
    """One row's part of the bucket's digest, 0 … 2⁶⁴−1: the head of the sha256 of its canonical JSON."""
    return text_digest(tbl, pk, canonical(row))


def text_digest(tbl: str, pk: str, text: str) -> int:
    """The same of a row whose canonical JSON is in hand."""
    whole = f"[{canonical(tbl)},{canonical(pk)},{text}]"
    return int.from_bytes(sha256(whole.encode()).digest()[:8], "big")


def canonical(value: object) -> str:
    """JSON that is the same for the same value."""
    return _CANONICAL.encode(value)


def digest_text(total: int) -> str:
    """A sum of row digests as it travels: 16 hex digits, modulo 2⁶⁴."""
    return f"{total % 2**64:016x}"


def bucket_etag(epoch: str, rev: int, digest: str) -> str:
    """Names a whole bucket. A box asks by what it holds, so a 304 also says that both sides hold the same."""
    return f'"s-{epoch}-{rev}-{digest}"'
