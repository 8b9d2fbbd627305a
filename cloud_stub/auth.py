"""Who is asking: listeners and staff, by their login token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from cloud_stub.claims import Login
from cloud_stub.database import Tx
from cloud_stub.errors import Refused
from cloud_stub.login_tokens import ISSUER
from cloud_stub.repositories import logins, profiles
from cloud_stub.services import Services, services_of

Cloud = Annotated[Services, Depends(services_of)]


@dataclass(frozen=True, slots=True)
class Listener:
    """Whoever is logged in. `roles` come from the table, never from the token."""

    profile_id: str
    auth_user_id: str
    roles: frozenset[str]


_IN_DESCRIPTION = Security(HTTPBearer(auto_error=False, description="The `access_token` of a login."))


async def current_login(request: Request, cloud: Cloud, _: Annotated[object, _IN_DESCRIPTION]) -> Login:
    """The login whose token was sent, whoever it may stand for."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused(401, "no_token", "log in first: send Authorization: Bearer <access_token>")
    return await cloud.logins.verify(token.strip(), cloud.now())


LoggedIn = Annotated[Login, Depends(current_login)]


async def current_listener(login: LoggedIn, cloud: Cloud) -> Listener:
    listener = await cloud.database.read(_load, login.auth_user_id)
    if listener is None:
        return await cloud.database.write(listener_of, login, cloud.now())
    return listener


async def current_staff(listener: Annotated[Listener, Depends(current_listener)]) -> Listener:
    if not listener.roles & {"admin", "manager"}:
        raise Refused(403, "not_staff", "this is for staff: log in as an admin or a manager")
    return listener


def listener_of(tx: Tx, login: Login, now_s: float) -> Listener:
    """Whom the login stands for; somebody who signed up at the project is a newcomer here at first sight.

    Raises Refused (401) when it stands for nobody.
    """
    listener = _load(tx, login.auth_user_id)
    if listener is None and login.issuer != ISSUER:
        profiles.create(tx, now_s, auth_user_id=login.auth_user_id, email=login.email)
        listener = _load(tx, login.auth_user_id)
    if listener is None:
        raise login_gone()
    return listener


def login_gone() -> Refused:
    return Refused(401, "bad_token", "log in again: this login is gone")


def _load(tx: Tx, auth_user_id: str) -> Listener | None:
    found = logins.whose(tx, auth_user_id)
    return None if found is None else Listener(found[0], auth_user_id, found[1])


SignedIn = Annotated[Listener, Depends(current_listener)]
Staff = Annotated[Listener, Depends(current_staff)]
