"""Keyed hashes and signatures: what a reader read is never kept, and what a tag says is believed only signed.

Box and cloud share this file. Every purpose has a key of its own, drawn from one secret, so that one can be handed
over without the others.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from hashlib import sha256

KEY_VERSION = 1

_SIGNATURE_BYTES = 12
_CARD = re.compile(r"(https?://[^\s?#]+)/t/([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]{16})", re.ASCII)


def key_hash(pepper: bytes, tech: str, uid: bytes) -> str:
    """HMAC-SHA256 of technology and UID under the organisation's pepper, in hex.

    The technology is part of the key: the same number from another kind of chip is another card.
    """
    if not pepper:
        raise ValueError("no pepper: set checkin.pepper (or COSOUND_PEPPER) to the organisation's secret")
    return hmac.new(pepper, tech.encode() + b"|" + uid, sha256).hexdigest()


def key_for(secret: bytes, purpose: str) -> bytes:
    """A key for one purpose ("room", "card"), from which the secret cannot be told."""
    return hmac.new(secret, b"cosound-key|" + purpose.encode(), sha256).digest()


def sign_room_url(key: bytes, base: str, player_id: str, version: int) -> str:
    """The room's page with our signature, as stickers and signs carry it. base: may change under a signature."""
    return f"{base}/r/{player_id}?s={_signature(key, b'room', _room(player_id, version))}"


def is_room_signature(key: bytes, player_id: str, version: int, signature: str) -> bool:
    expected = _signature(key, b"room", _room(player_id, version))
    return hmac.compare_digest(expected.encode(), signature.encode(errors="replace"))


def _room(player_id: str, version: int) -> bytes:
    return f"{player_id}|{version}".encode()


def sign_card_url(key: bytes, base: str, card: str, uid: bytes) -> str:
    """What a listener's own card may carry: good on the tag with this number only, so not on a copy of its memory."""
    return f"{base}/t/{card}.{_signature(key, b'card', f'{base}|{card}|'.encode() + uid)}"


def card_of(key: bytes, url: str, uid: bytes) -> str | None:
    """The card's name, None unless we signed it for the tag with this number."""
    parts = _CARD.fullmatch(url)
    if parts is None:
        return None
    signature = _signature(key, b"card", f"{parts[1]}|{parts[2]}|".encode() + uid)
    return parts[2] if hmac.compare_digest(signature, parts[3]) else None


def _mac(key: bytes, purpose: bytes, body: bytes) -> bytes:
    return hmac.new(key, purpose + b"|" + body, sha256).digest()[:_SIGNATURE_BYTES]


def _signature(key: bytes, purpose: bytes, body: bytes) -> str:
    return _text(_mac(key, purpose, body))


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
