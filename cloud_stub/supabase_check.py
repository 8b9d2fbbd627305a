"""The part of `cosound cloud check` that is about a Supabase project: its address, its keys, whose logins it signs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import jwt

from cloud_stub.finding import Finding
from cloud_stub.supabase import KEYS_PATH, TIMEOUT_S, Project

_PROJECT = re.compile(r"([a-z0-9]+)\.supabase\.co")
_NO_KEYS = (jwt.PyJWKClientError, jwt.PyJWKSetError)
_LEGACY = "Settings → JWT Keys → Legacy JWT secret"


def keys_of(project: Project, env: Mapping[str, str]) -> Finding:
    """Whether the logins of the project can be checked."""
    wrong = _wrong_secret(project.jwt_secret, env.get("SUPABASE_ANON_KEY"))
    if wrong:
        return Finding("SUPABASE_JWT_SECRET", False, wrong)
    try:
        keys = jwt.PyJWKClient(project.url + KEYS_PATH, timeout=TIMEOUT_S).get_signing_keys()
    except jwt.PyJWKClientConnectionError:
        return Finding("logins", False, f"{project.url} does not answer: check SUPABASE_URL, the network, and that the "
                       "project is not paused")  # fmt: skip
    except ValueError:
        return Finding("logins", False, f"what answers at {project.url} is no Supabase project: check SUPABASE_URL")
    except _NO_KEYS:
        keys = []
    if not keys and project.jwt_secret is None:
        return Finding("logins", False, "the project shows no public keys, so it signs with its legacy secret: give "
                       f"SUPABASE_JWT_SECRET ({_LEGACY})")  # fmt: skip
    kinds = sorted({key.algorithm_name for key in keys} | ({"HS256"} if project.jwt_secret else set()))
    return Finding("logins", True, f"of {project.url} count here ({', '.join(kinds)})")


def _wrong_secret(secret: str | None, anon_key: str | None) -> str | None:
    """What is wrong with the legacy secret: it signed the project's own keys, so one of them proves it."""
    if secret is None:
        return None
    if secret.startswith(("eyJ", "sb_")):
        return f"this is a key, and the secret that signs is another thing: copy that one ({_LEGACY})"
    if anon_key is None or not anon_key.startswith("eyJ"):
        return None
    try:
        jwt.decode(anon_key, secret, algorithms=["HS256"], options={"verify_aud": False, "verify_exp": False})
    except jwt.InvalidSignatureError:
        return f"it did not sign SUPABASE_ANON_KEY, so it is not this project's: copy it again ({_LEGACY})"
    except jwt.InvalidTokenError:
        return None
    return None


def supabase_names(env: Mapping[str, str]) -> Iterator[Finding]:
    """Address and keys, as far as they tell by themselves what they are."""
    url = env.get("SUPABASE_URL")
    project = None
    if url:
        host = urlsplit(url).hostname or ""
        match = _PROJECT.fullmatch(host)
        project = match[1] if match else None
        if host.endswith(".supabase.com"):
            yield Finding("SUPABASE_URL", False, f"a project's address ends in .supabase.co: https://{host[:-1]}")
        else:
            yield Finding("SUPABASE_URL", True, url)
    for name, role in (("SUPABASE_ANON_KEY", "anon"), ("SUPABASE_SERVICE_KEY", "service_role")):
        if env.get(name):
            yield _key(name, env[name], role, project)


def _key(name: str, key: str, role: str, project: str | None) -> Finding:
    found = _claims(key)
    if found is None:
        return Finding(name, False, "this is no key of Supabase: copy it again (Settings → API)")
    if found["role"] != role:
        other = {"anon": "the public (anon) key", "service_role": "the secret (service_role) key"}
        danger = "; whoever has it may do everything" if found["role"] == "service_role" else ""
        there = other.get(found["role"], f"a key for {found['role']}")
        return Finding(name, False, f"this is {there}{danger}: put {other[role]} here (Settings → API)")
    if project and found.get("ref") not in (None, project):
        return Finding(name, False, f"this key is of project {found['ref']}, SUPABASE_URL of {project}")
    return Finding(name, True, f"a key for {role}")


def _claims(key: str) -> dict[str, Any] | None:
    """What the key says of itself; whether it is true only Supabase knows."""
    for prefix, role in (("sb_publishable_", "anon"), ("sb_secret_", "service_role")):
        if key.startswith(prefix):
            return {"role": role}
    try:
        claims: dict[str, Any] = jwt.decode(key, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return None
    return claims if "role" in claims else None
