"""Passwords, kept as scrypt hashes with their own salt and cost."""

from __future__ import annotations

import hashlib
import hmac
import os

_COST, _BLOCK, _LANES = 2**14, 8, 1


def hash_password(password: str) -> str:
    """`scrypt$n$r$p$salt$hash`; takes about 40 ms on purpose."""
    salt = os.urandom(16)
    key = _derive(password, salt, _COST, _BLOCK, _LANES)
    return f"scrypt${_COST}${_BLOCK}${_LANES}${salt.hex()}${key.hex()}"


def check_password(password: str, stored: str | None) -> bool:
    """Whether it is the one; an unknown login (None) takes as long as a known one."""
    name, cost, block, lanes, salt, key = (stored or _nobody()).split("$")
    derived = _derive(password, bytes.fromhex(salt), int(cost), int(block), int(lanes))
    return hmac.compare_digest(derived, bytes.fromhex(key)) and stored is not None and name == "scrypt"


def _nobody() -> str:
    return f"scrypt${_COST}${_BLOCK}${_LANES}${'00' * 16}${'00' * 32}"


def _derive(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=cost, r=block, p=lanes, dklen=32)
