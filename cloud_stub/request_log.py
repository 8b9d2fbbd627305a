"""One line for every request: which door, how it ended, how long it took, which box. Never what was sent."""

from __future__ import annotations

import logging
import re
import time
from secrets import token_hex
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud_stub.logs import request_id

log = logging.getLogger(__name__)

HEADER = b"x-request-id"
_ID = re.compile(rb"[0-9A-Za-z._-]{1,64}")
_UNANSWERED = 499  # who asked went away first


class RequestLog:
    """Stands before everything that answers. A request keeps the id that a proxy gave it, else gets one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun_s = time.perf_counter()
        asked = id_of(scope)
        request_id.set(asked)
        scope.setdefault("state", {})["is_told"] = True
        status = _UNANSWERED

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            if message["type"] == "http.response.start" and not is_quiet(scope):
                message = {**message, "headers": [*message["headers"], (HEADER, asked.encode())]}
            await send(message)

        try:
            await self._app(scope, receive, told)
        except BaseException as error:
            if status == _UNANSWERED and isinstance(error, Exception):
                status = 500  # answered by whoever stands before us, and its trace is a line of its own
            raise
        finally:
            if not is_quiet(scope):
                tell(scope, status, time.perf_counter() - begun_s, _route(scope))


def id_of(scope: Scope) -> str:
    given = dict(scope["headers"]).get(HEADER, b"")
    return str(given.decode()) if _ID.fullmatch(given) else token_hex(8)


def is_told(scope: Scope) -> bool:
    """Whether somebody before us writes the line."""
    return bool(scope.get("state", {}).get("is_told"))


def name_route(scope: Scope, route: str) -> None:
    """Which door it is, when no router said so."""
    scope.setdefault("state", {})["route"] = route


def keep_quiet(scope: Scope) -> None:
    """No line for this one, nor an id to find it by: there are too many of its kind, and they are counted."""
    scope.setdefault("state", {})["is_quiet"] = True


def is_quiet(scope: Scope) -> bool:
    return bool(scope.get("state", {}).get("is_quiet"))


def name_box(scope: Scope, box: str) -> None:
    """Who this request turned out to be from: a room's id, or the public part of a token that opens nothing."""
    scope.setdefault("state", {})["box"] = box


def tell(scope: Scope, status: int, took_s: float, route: str) -> None:
    method = scope["method"][:16]
    facts: dict[str, Any] = {"method": method, "route": route, "status": status, "ms": round(took_s * 1e3, 1)}
    if (asked := request_id.get()) is not None:
        facts["id"] = asked
    if (box := scope.get("state", {}).get("box")) is not None:
        facts["box"] = box
    # A 503 is no news: that the database is gone was said once, when it went.
    log.log(logging.ERROR if status == 500 else logging.INFO, "%s %s %d", method, route, status, extra={"facts": facts})


def _route(scope: Scope) -> str:
    """As it stands in the code, with names for values; an address that is none may hold anything."""
    named = scope["state"].get("route") or getattr(scope.get("route"), "path", None)
    return str(named or "unknown")
