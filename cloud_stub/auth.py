"""Who is asking: listeners and staff, by their login token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from cloud_stub.claims import Login
from cloud_stub.database import Tx
from cloud_stub.errors import Refused
from cloud_stub.login_tokens import ISSUER
from cloud_stub.repositories import logins, profiles
from cloud_stub.services import Services, services_of


@dataclass(frozen=True, slots=True)
class Listener:
    """Whoever is logged in. `roles` come from the table, never from the token."""

    profile_id: str
    auth_user_id: str
    roles: frozenset[str]


async def current_listener(request: Request) -> Listener:
    services = services_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused(401, "no_token", "log in first: send Authorization: Bearer <access_token>")
    login = await services.logins.verify(token.strip(), services.now())
    listener = await services.database.read(_load, login.auth_user_id)
    if listener is None and login.issuer != ISSUER:
        listener = await services.database.write(_first_sight, login, services.now())
    if listener is None:
        raise Refused(401, "bad_token", "log in again: this login is gone")
    return listener


async def current_staff(listener: Annotated[Listener, Depends(current_listener)]) -> Listener:
    if not listener.roles & {"admin", "manager"}:
        raise Refused(403, "not_staff", "this is for staff: log in as an admin or a manager")
    return listener


def _load(tx: Tx, auth_user_id: str) -> Listener | None:
    profile = profiles.find_by_login(tx, auth_user_id)
    if profile is None:
        return None
    profile_id = profiles.resolve(tx, profile["id"]) or profile["id"]
    return Listener(profile_id, auth_user_id, logins.roles(tx, profile_id))


def _first_sight(tx: Tx, login: Login, now_s: float) -> Listener | None:
    """Somebody who signed up at the project: a newcomer here, unless another request was first."""
    if profiles.find_by_login(tx, login.auth_user_id) is None:
        profiles.create(tx, now_s, auth_user_id=login.auth_user_id, email=login.email)
    return _load(tx, login.auth_user_id)


Cloud = Annotated[Services, Depends(services_of)]
SignedIn = Annotated[Listener, Depends(current_listener)]
Staff = Annotated[Listener, Depends(current_staff)]
