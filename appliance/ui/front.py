"""What stands between Flet's server and the browser: headers are taken from it, and a way back is given to its page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from appliance.ui import theme

# With these the client draws in a second thread, and in Flutter 3.44 both threads write to one heap without a lock
# (flutter/flutter#190039): the page stands still, with "memory access out of bounds" or without a word. The last one
# would let any page elsewhere read ours.
UNWANTED = frozenset({b"cross-origin-opener-policy", b"cross-origin-embedder-policy", b"access-control-allow-origin"})
SCRIPT = Path(__file__).with_name("start_again.js")
HEAD_ENDS = b"</head>"
CURTAIN = "display:flex;align-items:center;justify-content:center;font:28px Roboto,sans-serif"

Headers = Sequence[tuple[bytes, bytes]]


def way_back(line: str, language: str) -> bytes:
    """For the head of the client's page: loads it again when it fell over, and says `line` until it draws."""
    words, quoted = json.dumps({"line": line, "language": language}), json.dumps(line, ensure_ascii=False)
    return (
        f"<style>html,body{{background:{theme.BACKGROUND}}}"
        f"#loading img{{display:none}}#loading::after{{content:{quoted}}}"
        f"#loading,#curtain{{position:fixed;inset:0;z-index:9;{CURTAIN};color:{theme.TEXT};"
        f"background:{theme.BACKGROUND}!important}}</style>"
        f"<script>const COSOUND={words};\n{SCRIPT.read_text()}</script>"
    ).encode()


class Front:
    """Passes everything on but the unwanted headers; `head` is added to the head of each HTML page."""

    def __init__(self, app: ASGIApp, head: bytes) -> None:
        self._app = app
        self._head = head

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        page: list[Message] = []  # what is held back of an HTML page, its start first

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": _wanted(message["headers"])}
                if scope["method"] == "GET" and _is_html(message["headers"]):
                    page.append(message)
                    return
            elif page and message["type"] == "http.response.body":
                page.append(message)
                if not message.get("more_body"):
                    await self._send_whole(page, send)
                return
            await send(message)

        await self._app(scope, receive, tell)

    async def _send_whole(self, page: list[Message], send: Send) -> None:
        start, *parts = page
        body = b"".join(part.get("body", b"") for part in parts).replace(HEAD_ENDS, self._head + HEAD_ENDS, 1)
        headers = [header for header in start["headers"] if header[0].lower() != b"content-length"]
        await send({**start, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})


def _wanted(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.lower() not in UNWANTED]


def _is_html(headers: Headers) -> bool:
    return any(name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in headers)
