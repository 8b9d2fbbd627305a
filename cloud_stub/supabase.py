"""Supabase's own logins: who signed in at the project is a listener here too.

A project signs with a key pair and shows the public half (ES256 or RS256), or, an older one, with a secret that it
shares (HS256). Which of the two is decided by what we were told, never by the token alone.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import jwt

from cloud_stub.claims import Login, Signer, checked, not_valid
from cloud_stub.errors import Refused, SetupError

PUBLIC_ALGORITHMS = ("ES256", "RS256")
KEYS_PATH = "/auth/v1/.well-known/jwks.json"
KEEP_KEYS_S = 600.0  # a key that the project took back opens nothing after that
ASK_AGAIN_S = 30.0  # a key id that is not there: not before then, whoever sends it how often
LEAVE_ALONE_S = 5.0  # a project that does not answer
TIMEOUT_S = 5.0
LEEWAY_S = 10.0
MIN_SECRET = 32
_NEAR = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Project:
    """url: `https://PROJECT_REF.supabase.co`. jwt_secret: only where it signs with one."""

    url: str
    jwt_secret: str | None = field(default=None, repr=False)

    @property
    def issuer(self) -> str:
        return f"{self.url}/auth/v1"


def project_of(url: str | None, jwt_secret: str | None) -> Project | None:
    """The project that SUPABASE_URL names. Raises SetupError for an address that cannot be one."""
    if not url:
        if jwt_secret:
            raise SetupError("SUPABASE_JWT_SECRET is given without SUPABASE_URL: give both, or leave it out")
        return None
    url = url.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        is_near = parts.scheme == "http" and parts.hostname in _NEAR and parts.port is not None
    except ValueError as error:
        raise _no_address() from error
    if (parts.hostname or "").endswith(".supabase.com"):
        raise SetupError(f"SUPABASE_URL: a project's address ends in .supabase.co: https://{str(parts.hostname)[:-1]}")
    if not (parts.hostname and (parts.scheme == "https" or is_near)) or parts.path or parts.query or parts.username:
        raise _no_address()
    if jwt_secret and len(jwt_secret) < MIN_SECRET:
        raise SetupError(
            f"SUPABASE_JWT_SECRET has less than {MIN_SECRET} signs: copy it again (Settings → JWT Keys → Legacy)"
        )
    return Project(url, jwt_secret or None)


class SupabaseLogins:
    """Checks the tokens of one project. Its public keys are kept, and asked for in a thread of their own."""

    def __init__(self, project: Project) -> None:
        self.issuer = project.issuer
        self._secret = project.jwt_secret
        # No cache of single keys: it would keep one that the project took back for as long as we run.
        self._keys = jwt.PyJWKClient(
            project.url + KEYS_PATH, lifespan=KEEP_KEYS_S, timeout=TIMEOUT_S, cooldown_duration=ASK_AGAIN_S
        )
        self._asking = asyncio.Lock()  # one asks; who comes meanwhile takes what it was told
        self._unanswered_s: float | None = None

    async def verify(self, token: str, header: dict[str, Any], now_s: float) -> Login:
        """Raises Refused: 401 for a token that is not the project's, 503 while its keys cannot be had."""
        algorithm = header.get("alg")
        if algorithm == "HS256" and self._secret is not None:
            signer = Signer(self.issuer, self._secret, ["HS256"])
        elif algorithm in PUBLIC_ALGORITHMS:
            signer = Signer(self.issuer, await self._key(header.get("kid"), algorithm), [algorithm])
        else:
            raise not_valid()
        return checked(token, signer, now_s, LEEWAY_S)

    async def _key(self, kid: object, algorithm: str) -> Any:
        if not isinstance(kid, str):
            raise not_valid()
        found = self._kept(kid)
        if found is None:
            async with self._asking:
                found = self._kept(kid) or await self._ask(kid)
        if found.algorithm_name != algorithm:  # the project says what each of its keys is for
            raise not_valid()
        return found.key

    def _kept(self, kid: str) -> jwt.PyJWK | None:
        signing = [key for key in self._known() if key.public_key_use in (None, "sig")]
        return self._keys.match_kid(signing, kid)

    def _known(self) -> list[jwt.PyJWK]:
        cache = self._keys.jwk_set_cache
        found = cache.get() if cache is not None else None
        return [] if found is None else found.keys

    async def _ask(self, kid: str) -> jwt.PyJWK:
        if self._unanswered_s is not None and time.monotonic() - self._unanswered_s < LEAVE_ALONE_S:
            raise _unreachable()
        try:
            return await asyncio.to_thread(self._keys.get_signing_key, kid)
        except (jwt.PyJWTError, ValueError) as error:
            if self._known() and not isinstance(error, jwt.PyJWKClientConnectionError):
                raise not_valid() from error  # it has keys, and this is none of them
            self._unanswered_s = time.monotonic()
            raise _unreachable() from error


def _no_address() -> SetupError:
    return SetupError("SUPABASE_URL: give the project's address alone, https://PROJECT_REF.supabase.co")


def _unreachable() -> Refused:
    message = "Supabase cannot be reached to check this login: try again in a moment"
    return Refused(503, "unavailable", message, retry_after_s=int(LEAVE_ALONE_S))
