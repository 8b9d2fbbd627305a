"""Sign-up and login, at Supabase's paths and in its shapes, so that a page can move there."""

from __future__ import annotations

import asyncio
import re

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict

from cloud_stub.answers import LoggedIn, refusals
from cloud_stub.auth import Cloud
from cloud_stub.database import Database, Tx
from cloud_stub.errors import Refused
from cloud_stub.login_tokens import issue
from cloud_stub.passwords import check_password, hash_password
from cloud_stub.repositories import attempts, logins, profiles
from cloud_stub.services import Services

router = APIRouter(responses=refusals(413, 429))


class Credentials(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    email: str | None = None
    password: str | None = None


_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]{2,}")
# Read by hand: nothing at all is a body, too.
_BODY = Credentials.model_json_schema()
MIN_PASSWORD = 8
MAX_PASSWORD = 200


@router.post("/auth/v1/signup", openapi_extra={"requestBody": {"content": {"application/json": {"schema": _BODY}}}})
async def signup(request: Request, cloud: Cloud) -> LoggedIn:
    """A new listener: with e-mail and password, or with an empty body an anonymous one."""
    given = Credentials.model_validate_json(await request.body() or b"{}")
    place = request.client.host if request.client else ""
    await cloud.database.write(attempts.take, attempts.SIGNUP, place, cloud.now())
    if given.email is None and given.password is None:
        user_id = await cloud.database.write(_create, None, None, cloud.now())
        return _session(cloud, user_id, None)
    email, password = _checked(given)
    hashed = await asyncio.to_thread(hash_password, password)
    try:
        user_id = await cloud.database.write(_create, email, hashed, cloud.now())
    except Database.IntegrityError as error:
        raise Refused(422, "user_already_exists", "this e-mail has a login already: log in instead") from error
    return _session(cloud, user_id, email)


@router.post("/auth/v1/token", responses=refusals(400))
async def token(given: Credentials, cloud: Cloud, grant_type: str = Query()) -> LoggedIn:
    if grant_type != "password":
        raise Refused(400, "unsupported_grant_type", "grant_type: only password is known here")
    email = (given.email or "").strip().lower()
    await cloud.database.write(attempts.take, attempts.LOGIN, email, cloud.now())
    row = await cloud.database.read(logins.find_by_email, email)
    stored = row["password_hash"] if row else None
    if not await asyncio.to_thread(check_password, (given.password or "")[: MAX_PASSWORD + 1], stored) or row is None:
        raise Refused(400, "invalid_credentials", "e-mail or password is wrong")
    await cloud.database.write(attempts.forget, attempts.LOGIN, email)
    return _session(cloud, row["id"], email)


def _checked(given: Credentials) -> tuple[str, str]:
    email = (given.email or "").strip().lower()
    if not _EMAIL.fullmatch(email):
        raise Refused(422, "bad_email", "email: give an address like name@example.org")
    password = given.password or ""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise Refused(422, "weak_password", f"password: give {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    return email, password


def _create(tx: Tx, email: str | None, password_hash: str | None, now_s: float) -> str:
    user_id = logins.create(tx, email, password_hash, now_s)
    profiles.create(tx, now_s, auth_user_id=user_id, email=email)
    return user_id


def _session(cloud: Services, user_id: str, email: str | None) -> LoggedIn:
    settings = cloud.settings
    life_s = settings.anonymous_life_s if email is None else settings.login_life_s
    access_token = issue(settings.secret_key, user_id, cloud.now(), life_s, anonymous=email is None)
    return {
        "access_token": access_token,
        "token_type": "bearer",
        "expires_in": int(life_s),
        "user": {"id": user_id, "email": email, "is_anonymous": email is None},
    }
