"""Keyed hashes: what a reader read is never kept, only what a keeper of the pepper can recognise again."""

from __future__ import annotations

import hmac
from hashlib import sha256

KEY_VERSION = 1


def key_hash(pepper: bytes, tech: str, uid: bytes) -> str:
    """HMAC-SHA256 of technology and UID under the organisation's pepper, in hex.

    The technology is part of the key: the same number from another kind of chip is another card.
    """
    if not pepper:
        raise ValueError("no pepper: set checkin.pepper (or COSOUND_PEPPER) to the organisation's secret")
    return hmac.new(pepper, tech.encode() + b"|" + uid, sha256).hexdigest()
