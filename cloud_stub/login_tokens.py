"""Login tokens: the ones we give out, shaped as Supabase's are, and the ones we take."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from uuid import uuid4

import jwt

from cloud_stub.claims import AUDIENCE, ROLE, Login, Signer, checked, said
from cloud_stub.supabase import SupabaseLogins

ALGORITHM = "HS256"
ISSUER = "cosound-cloud"
MOST_KNOWN = 4096


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
    return jwt.encode(claims, signing_key(secret_key), ALGORITHM)


@dataclass(frozen=True, slots=True)
class LoginTokens:
    """Ours, and those of the Supabase project where there is one. Each is checked by its own rules alone."""

    secret_key: str = field(repr=False)
    supabase: SupabaseLogins | None = None
    _known: dict[str, tuple[Login, float]] = field(default_factory=dict, repr=False, compare=False)

    async def verify(self, token: str, now_s: float) -> Login:
        """Raises Refused: 401 for any token but theirs and ours, 503 while the project's keys cannot be had."""
        known, ends_s = self._known.get(token, (None, 0.0))
        if known is not None and now_s < ends_s:
            return known
        if self.supabase is not None:
            header, claims = said(token)
            if claims.get("iss") == self.supabase.issuer:
                return await self.supabase.verify(token, header, now_s)
        login = checked(token, Signer(ISSUER, signing_key(self.secret_key), [ALGORITHM]), now_s)
        self._keep(token, login)
        return login

    def _keep(self, token: str, login: Login) -> None:
        """One of ours stays true until it ends, so it is looked at once. (Theirs may be taken back.)"""
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        _, claims = said(token)
        self._known[token] = login, float(claims["exp"])


def signing_key(secret_key: str) -> bytes:
    """Derived, so that what signs logins signs nothing else."""
    return hmac.new(secret_key.encode(), b"login", "sha512").digest()
