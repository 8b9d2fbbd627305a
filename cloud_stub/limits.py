"""How large a request may be: JSON is small, and only the upload takes files."""

from __future__ import annotations

from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

JSON_MAX_BYTES = 1024 * 1024
UPLOAD_PATH = "/api/admin/songs"
_ANSWER = b'{"error": "too_large", "message": "the request is too large: send less at once"}'


class TooLarge(Exception):
    """More came than the request said or may have."""


class BodyLimit:
    """Answers 413 before a body that is too large is read into memory."""

    def __init__(self, app: ASGIApp, upload_max_bytes: int) -> None:
        self._app = app
        self._upload_max_bytes = upload_max_bytes + JSON_MAX_BYTES  # the form around the file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        limit = self._upload_max_bytes if scope["path"] == UPLOAD_PATH else JSON_MAX_BYTES
        said = dict(scope["headers"]).get(b"content-length", b"0")
        if said.isdigit() and int(said) > limit:
            await _refuse(send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise TooLarge
            return message

        async def told(message: Message) -> None:
            if seen <= limit:  # else whoever read the body made an answer of their own of it
                await send(message)

        with suppress(TooLarge):
            await self._app(scope, counted, told)
        if seen > limit:
            await _refuse(send)


async def _refuse(send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(_ANSWER)).encode())]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": _ANSWER})
