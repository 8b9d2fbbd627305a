"""What a login token says, once it is known to be true: JSON Web Tokens in the shape that Supabase gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import jwt

from cloud_stub.errors import Refused

AUDIENCE = ROLE = "authenticated"  # the keys of a project are tokens too, for other roles
MAX_EMAIL = 320
_REQUIRED = ["exp", "iat", "sub", "aud", "iss", "role"]


@dataclass(frozen=True, slots=True)
class Login:
    """Whoever holds the token. `auth_user_id` is a UUID as text; `email` is None for the anonymous."""

    issuer: str
    auth_user_id: str
    email: str | None


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs: the name in `iss`, the key, and the algorithms of that one kind of key, never of two."""

    issuer: str
    key: Any
    algorithms: Sequence[str]


def said(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(header, claims) as they stand there, true or not. Raises Refused (401) for what is no token."""
    try:
        whole = jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
        raise not_valid() from error
    return whole["header"], whole["payload"]


def checked(token: str, signer: Signer, now_s: float, leeway_s: float = 0.0) -> Login:
    """The login of a token by this signer that is still good. Raises Refused (401) for any other.

    leeway_s: how far the signer's clock may be from ours.
    """
    try:
        claims: dict[str, Any] = jwt.decode(
            token, signer.key, algorithms=signer.algorithms, audience=AUDIENCE, issuer=signer.issuer,
            # The times are judged by our clock, which a test may hold.
            options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )  # fmt: skip
        user_id = str(UUID(claims["sub"]))
        expires_s, issued_s, begins_s = (_seconds(claims.get(name, 0)) for name in ("exp", "iat", "nbf"))
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise not_valid() from error
    if claims["role"] != ROLE or max(issued_s, begins_s) > now_s + leeway_s:
        raise not_valid()
    if expires_s + leeway_s <= now_s:
        raise Refused(401, "expired_token", "log in again: this login has expired")
    return Login(signer.issuer, user_id, _email(claims))


def not_valid() -> Refused:
    return Refused(401, "bad_token", "log in again: this login is not valid")


def _email(claims: dict[str, Any]) -> str | None:
    given = claims.get("email")
    is_known = isinstance(given, str) and 0 < len(given) <= MAX_EMAIL and claims.get("is_anonymous") is not True
    return given if is_known else None


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("no moment")
    return value
