"""Who is asking: listeners and staff by a login token, shaped as Supabase's are."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import uuid4

import jwt
from fastapi import Depends, Request

from cloud_stub.database import Tx
from cloud_stub.errors import Refused
from cloud_stub.repositories import logins, profiles
from cloud_stub.services import Services, services_of

ALGORITHM = "HS256"
AUDIENCE = ROLE = "authenticated"
ISSUER = "cosound-cloud"
_REQUIRED = ["exp", "iat", "sub", "aud", "iss", "role"]


@dataclass(frozen=True, slots=True)
class Listener:
    """Whoever is logged in. `roles` come from the table, never from the token."""

    profile_id: str
    auth_user_id: str
    roles: frozenset[str]


def issue(secret_key: str, auth_user_id: str, now_s: float, life_s: float, *, anonymous: bool) -> str:
    claims = {
        "sub": auth_user_id,
        "aud": AUDIENCE,
        "role": ROLE,
        "iss": ISSUER,
        "iat": int(now_s),
        "exp": int(now_s + life_s),
        "is_anonymous": anonymous,
        "jti": uuid4().hex,
    }
    return jwt.encode(claims, _signing_key(secret_key), ALGORITHM)


def verify(secret_key: str, token: str, now_s: float) -> str:
    """The login's id. Raises Refused (401) for anything but a token of ours that is still good."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            _signing_key(secret_key),
            algorithms=[ALGORITHM],  # one family only: no `none`, no key confusion
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False},
        )
    except (jwt.InvalidTokenError, ValueError) as error:
        raise Refused(401, "bad_token", "log in again: this login is not valid") from error
    # The expiry is judged by our clock, which a test may hold.
    if not isinstance(claims["exp"], int) or claims["exp"] <= now_s:
        raise Refused(401, "expired_token", "log in again: this login has expired")
    if claims["role"] != ROLE:
        raise Refused(401, "bad_token", "log in again: this login is not valid")
    return str(claims["sub"])


async def current_listener(request: Request) -> Listener:
    services = services_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused(401, "no_token", "log in first: send Authorization: Bearer <access_token>")
    auth_user_id = verify(services.settings.secret_key, token.strip(), services.now())
    return await services.database.read(_load, auth_user_id)


async def current_staff(listener: Annotated[Listener, Depends(current_listener)]) -> Listener:
    if not listener.roles & {"admin", "manager"}:
        raise Refused(403, "not_staff", "this is for staff: log in as an admin or a manager")
    return listener


def _load(tx: Tx, auth_user_id: str) -> Listener:
    profile = profiles.find_by_login(tx, auth_user_id)
    if profile is None:
        raise Refused(401, "bad_token", "log in again: this login is gone")
    profile_id = profiles.resolve(tx, profile["id"]) or profile["id"]
    return Listener(profile_id, auth_user_id, logins.roles(tx, profile_id))


def _signing_key(secret_key: str) -> bytes:
    """Derived, so that what signs logins signs nothing else."""
    return hmac.new(secret_key.encode(), b"login", "sha512").digest()


Cloud = Annotated[Services, Depends(services_of)]
SignedIn = Annotated[Listener, Depends(current_listener)]
Staff = Annotated[Listener, Depends(current_staff)]
