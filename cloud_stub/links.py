"""Signed links to media: a plain GET works until they expire, and nothing in them opens anything else.

Links are made in steps of the half-life, so that the same link is given again until half its life is over.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from urllib.parse import quote


def step_of(now_s: float, half_life_s: float) -> int:
    """Which link of the row is current; a new step means new links."""
    return int(now_s // half_life_s)


def signed_path(secret_key: str, name: str, step: int, half_life_s: float) -> str:
    """`/media/<name>?expires=…&signature=…`, good for one to two half-lives."""
    expires = int((step + 2) * half_life_s)
    return f"/media/{quote(name)}?expires={expires}&signature={_signature(secret_key, name, expires)}"


def is_valid(secret_key: str, name: str, expires: str, signature: str, now_s: float) -> bool:
    if not expires.isdecimal() or len(expires) > 15 or int(expires) <= now_s:
        return False
    return hmac.compare_digest(_signature(secret_key, name, int(expires)).encode(), signature.encode())


def _signature(secret_key: str, name: str, expires: int) -> str:
    return hmac.new(secret_key.encode(), f"media|{name}|{expires}".encode(), sha256).hexdigest()
