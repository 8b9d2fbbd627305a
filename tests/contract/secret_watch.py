"""Over the shoulder of every contract test: each secret that was sent or given out, and every line the server wrote."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass, field
from typing import Any

import httpx

from cloud_stub.logs import Lines
from cloud_stub.secrecy import Secrecy

OURS = ("cloud_stub", "uvicorn", "apscheduler", "psycopg", "asyncio", "py.warnings")
SECRET_FIELDS = ("password", "token", "access_token", "refresh_token", "code", "s")
MIN_SIGNS = 6  # different ones
_SIGNATURE = re.compile(r"signature=([0-9a-f]{64})")


@dataclass
class SecretWatch:
    """Lines are kept as they would be written if nothing were cut out of them: nobody may rely on the cutting."""

    secrets: set[str] = field(default_factory=set)
    lines: list[str] = field(default_factory=list)
    is_made_up: bool = False  # what is sent: then any word may be a "password"
    _handler: logging.Handler | None = None

    def begin(self) -> None:
        self._handler = _Kept(self.lines)
        logging.getLogger().addHandler(self._handler)
        logging.getLogger("cloud_stub").setLevel(logging.DEBUG)

    def end(self) -> None:
        assert self._handler is not None, "begun"
        logging.getLogger().removeHandler(self._handler)
        told = [(line, secret) for line in self.lines for secret in self.secrets if secret in line]
        assert not told

    async def sent(self, request: httpx.Request) -> None:
        if self.is_made_up:
            return
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        for value in (token, request.headers.get("x-api-key", ""), *_in_body(getattr(request, "_content", b""))):
            self.keep(value)

    async def answered(self, response: httpx.Response) -> None:
        """What is refused repeats no secret; what is given out is one from now on."""
        await response.aread()
        if response.status_code >= 400:
            repeated = [secret for secret in self.secrets if secret in response.text]
            assert not repeated, (str(response.url), response.text)
        for value in (*_in_body(response.content), *_SIGNATURE.findall(response.text)):
            self.keep(value)

    def keep(self, value: str) -> None:
        """Not what nobody would take for one: `00000000` stands in many an answer."""
        if len(set(value)) >= MIN_SIGNS and value.isascii():
            self.secrets.add(value)


class _Kept(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines
        self.setFormatter(Lines(Secrecy(), as_json=True))

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.split(".")[0] in OURS:
            self._lines.append(self.format(record))


def _in_body(content: bytes) -> list[str]:
    try:
        body: Any = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        return []
    given = body if isinstance(body, dict) else {}
    return [value for name in SECRET_FIELDS if isinstance(value := given.get(name), str)]
