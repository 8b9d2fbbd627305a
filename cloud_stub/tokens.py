"""Player tokens: `csp_<8>_<43>`. Kept are the 8 (shown to staff) and the sha256 of the whole, never the token."""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256

_FORM = re.compile(r"csp_([0-9a-z]{8})_([0-9A-Za-z_-]{43})")


@dataclass(frozen=True, slots=True)
class PlayerToken:
    text: str
    prefix: str
    hash: str


def new_token() -> PlayerToken:
    return _token(secrets.token_hex(4), secrets.token_urlsafe(32))


def derived_token(secret_key: str, purpose: str) -> PlayerToken:
    """The same token for the same secret and purpose: for rooms that a seed must be able to show again."""
    digest = hmac.new(secret_key.encode(), f"player-token|{purpose}".encode(), "sha512").digest()
    return _token(digest[:4].hex(), urlsafe_b64encode(digest[4:36]).decode().rstrip("="))


def prefix_of(token: str) -> str | None:
    """The public part, or None when this cannot be a player token."""
    match = _FORM.fullmatch(token)
    return match.group(1) if match else None


def hash_of(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def matches(token: str, stored_hash: str) -> bool:
    return hmac.compare_digest(hash_of(token), stored_hash)


def _token(prefix: str, secret: str) -> PlayerToken:
    text = f"csp_{prefix}_{secret}"
    return PlayerToken(text, prefix, hash_of(text))
