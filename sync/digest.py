"""What two sides say to find out whether they hold the same rows; both reckon it here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any


def row_digest(tbl: str, pk: str, row: Mapping[str, Any]) -> int:
    """One row's part of the bucket's digest, 0 … 2⁶⁴−1: the head of the sha256 of its canonical JSON."""
    text = json.dumps([tbl, pk, row], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")


def digest_text(total: int) -> str:
    """A sum of row digests as it travels: 16 hex digits, modulo 2⁶⁴."""
    return f"{total % 2**64:016x}"


def bucket_etag(epoch: str, rev: int, digest: str) -> str:
    """Names a whole bucket. A box asks by what it holds, so a 304 also says that both sides hold the same."""
    return f'"s-{epoch}-{rev}-{digest}"'
