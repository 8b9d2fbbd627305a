"""What stands between Flet's server and the browser: headers that made its renderer fall over are taken away."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# With these the client draws in a second thread, and in Flutter 3.44 both threads write to one heap without a lock
# (flutter/flutter#190039): the page stands still, with "memory access out of bounds" or without a word. The last one
# would let any page elsewhere read ours.
UNWANTED = frozenset({b"cross-origin-opener-policy", b"cross-origin-embedder-policy", b"access-control-allow-origin"})


class Front:
    """Passes everything on but the unwanted headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [(name, value) for name, value in message["headers"] if name.lower() not in UNWANTED]
                message = {**message, "headers": kept}
            await send(message)

        await self._app(scope, receive, tell)
