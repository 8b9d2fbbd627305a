"""A Supabase project as far as logins go: its keys, the page that shows them, and the tokens it gives out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

LEGACY_SECRET = "a project's legacy secret, of enough signs"
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def new_key(algorithm: str) -> PrivateKey:
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_half(kid: str, algorithm: str, key: PrivateKey, use: str = "sig") -> dict[str, Any]:
    shown = (
        ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        if isinstance(key, ec.EllipticCurvePrivateKey)
        else RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    )
    return {**shown, "kid": kid, "alg": algorithm, "use": use}


@dataclass
class Project:
    """`shown`: what its page of keys answers; `asked`: how often it was."""

    url: str
    now_s: float
    keys: dict[str, tuple[str, PrivateKey]] = field(default_factory=dict)
    shown: list[dict[str, Any]] = field(default_factory=list)
    page: bytes | None = None
    asked: int = 0

    def add_key(self, kid: str, algorithm: str = "ES256", **said: Any) -> PrivateKey:
        key = new_key(algorithm)
        self.keys[kid] = (algorithm, key)
        self.shown.append(public_half(kid, algorithm, key, **said))
        return key

    def take_back(self, kid: str) -> None:
        self.shown = [key for key in self.shown if key["kid"] != kid]

    def claims(self, **other: Any) -> dict[str, Any]:
        now = int(self.now_s)
        usual = {
            "iss": f"{self.url}/auth/v1", "sub": str(uuid4()), "aud": "authenticated", "role": "authenticated",
            "iat": now, "exp": now + 3600, "email": "heron@example.org", "is_anonymous": False,
            "session_id": str(uuid4()), "aal": "aal1", "user_metadata": {"role": "admin"},
        }  # fmt: skip
        return {name: value for name, value in {**usual, **other}.items() if value is not None}

    def token(self, name: str, claims: dict[str, Any] | None = None, **headers: Any) -> str:
        algorithm, key = self.keys[name]
        return jwt.encode(claims or self.claims(), key, algorithm, headers={"kid": name, **headers})

    def legacy_token(self, claims: dict[str, Any] | None = None, secret: str = LEGACY_SECRET) -> str:
        return jwt.encode(claims or self.claims(), secret, "HS256")


@contextmanager
def project(now_s: float) -> Iterator[Project]:
    """A project on 127.0.0.1, answering over a real socket."""
    running: Project

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            running.asked += 1
            is_there = self.path == "/auth/v1/.well-known/jwks.json"
            body = running.page if running.page is not None else json.dumps({"keys": running.shown}).encode()
            self.send_response(200 if is_there else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Not to the screen."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        running = Project(f"http://127.0.0.1:{server.server_port}", now_s)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield running
        finally:
            server.shutdown()
            thread.join()
