"""`GET /api/player/queue` as plain ASGI in front of the app: every box asks this all the time.

`?wait=` holds the answer back until the queue changes; `If-None-Match` with the current ETag gets a 304.
"""

from __future__ import annotations

import json
import time
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from cloud_stub.boxes import INVALID_TOKEN
from cloud_stub.database import Database
from cloud_stub.errors import Refused
from cloud_stub.polls import Answer
from cloud_stub.request_log import is_quiet, is_told, name_box, name_route, tell
from cloud_stub.services import Services
from cloud_stub.tokens import prefix_of
from cloud_stub.waiters import queue_topic
from sync.wire import LONG_POLL_S

QUEUE_PATH, COSOUND_PATH = "/api/player/queue", "/api/cosound"
_GONE = b'{"success": false, "error": "Send the player token in the X-API-Key header, never in the address"}'
_UNAVAILABLE = b'{"success": false, "error": "The database cannot be reached: try again in a moment"}'
_JSON = (b"content-type", b"application/json")
_COME_BACK = ((b"retry-after", b"5"),)
_FRESH = (b"cache-control", b"no-cache")


class QueueFastPath:
    """Answers the queue itself and passes everything else on."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"] in (QUEUE_PATH, COSOUND_PATH):
            begun_s = time.perf_counter()
            try:
                status = await self._queue(scope, send)
            except Refused as error:
                status = await _refuse(send, error)
            except Database.Error:
                status = await _send(send, 503, _UNAVAILABLE, more=_COME_BACK)
            if is_told(scope):
                name_route(scope, scope["path"])
            elif not is_quiet(scope):
                tell(scope, status, time.perf_counter() - begun_s, scope["path"])
        else:
            await self._app(scope, receive, send)

    async def _queue(self, scope: Scope, send: Send) -> int:
        services = self._services
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"))) if scope["query_string"] else {}
        if "player" in query:
            return await _send(send, 410, _GONE)
        headers = dict(scope["headers"])
        token = headers.get(b"x-api-key", b"").decode("latin-1")
        known = headers.get(b"if-none-match")
        place = scope["client"][0] if scope.get("client") else ""
        player_id = await services.polls.authenticate(token, services.now(), place)
        if player_id is None:
            return await _turn_away(scope, send, token)
        answer = await services.polls.answer(player_id, services.now())
        wait_s = wait_of(query) if query else 0.0
        if known == answer.etag and wait_s > 0:

            async def look() -> Answer | None:
                """None for a token that is good no more."""
                if await services.polls.authenticate(token, services.now(), place) is None:
                    return None
                return await services.polls.answer(player_id, services.now())

            news = await services.waiters.news(
                queue_topic(player_id), wait_s, look, lambda found: found is None or found.etag != known
            )
            if news is None:
                return await _turn_away(scope, send, token)
            answer = news
        if known == answer.etag:
            services.polls.note_unchanged(scope)
            return await _send(send, 304, b"", answer.etag)
        name_box(scope, player_id)
        return await _send(send, 200, services.polls.body(answer, self._base_url(scope, headers)), answer.etag)

    def _base_url(self, scope: Scope, headers: dict[bytes, bytes]) -> str:
        given = self._services.settings.public_url
        if given is not None:
            return given
        host = headers.get(b"host", b"localhost").decode("latin-1")
        return f"{scope['scheme']}://{host}"


def wait_of(query: dict[str, str]) -> float:
    """Seconds to hold an answer back: `wait`, from 0 to the longest poll; anything unreadable is 0."""
    text = query.get("wait", "0")
    return min(float(text), LONG_POLL_S) if text.replace(".", "", 1).isdecimal() else 0.0


async def _turn_away(scope: Scope, send: Send, token: str) -> int:
    if (prefix := prefix_of(token)) is not None:
        name_box(scope, f"csp_{prefix}")
    return await _send(send, 401, INVALID_TOKEN)


async def _refuse(send: Send, error: Refused) -> int:
    body = json.dumps({"success": False, "error": error.message}).encode()
    return await _send(send, error.status, body, more=((b"retry-after", str(error.retry_after_s).encode()),))


async def _send(
    send: Send, status: int, body: bytes, etag: bytes | None = None, more: tuple[tuple[bytes, bytes], ...] = ()
) -> int:
    headers = [(b"content-length", str(len(body)).encode()), _FRESH] if status != 304 else [_FRESH]
    headers.extend(more)
    if body:
        headers.append(_JSON)
    if etag is not None:
        headers.append((b"etag", etag))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    return status
