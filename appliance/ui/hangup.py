"""Lines to clients that have gone are let go."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

GRACE_S = 1.0


class HangUp:
    """Ends a websocket's task soon after its client has left, and takes what it still says for a mere note.

    Flet waits for ever for a client that went away before it said who it is: one task more each time, and a
    server that does not end when asked. A page that was just being redrawn when its client left is no error.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        gone = asyncio.Event()

        async def heard() -> Message:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                gone.set()
            return message

        await _talk(asyncio.ensure_future(self._app(scope, heard, send)), gone)


async def _talk(talk: asyncio.Future[Any], gone: asyncio.Event) -> None:
    left: asyncio.Future[Any] = asyncio.ensure_future(gone.wait())
    try:
        await asyncio.wait({talk, left}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({talk}, timeout=GRACE_S)
    finally:
        left.cancel()
        talk.cancel()
    ended = (await asyncio.gather(talk, return_exceptions=True))[0]
    if isinstance(ended, Exception):
        log.info("a client's line ended: %s", ended)
