"""The pages for phones: whole by themselves, and closed to what others would put into them."""

from __future__ import annotations

from importlib import resources

from fastapi import Response

_ASSETS = {"room.css": "text/css", "room.js": "text/javascript", "link.js": "text/javascript",
           "login.js": "text/javascript", "words.js": "text/javascript"}  # fmt: skip
_POLICY = "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
_HEADERS = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


def page(name: str, status: int = 200) -> Response:
    return Response(_text(name), status, media_type="text/html", headers=_HEADERS)


def asset(name: str) -> Response | None:
    """A page's style or script, None when there is none of that name."""
    kind = _ASSETS.get(name)
    return None if kind is None else Response(_text(name), media_type=kind, headers=_HEADERS)


def _text(name: str) -> str:
    return resources.files("cloud_stub").joinpath("web", name).read_text(encoding="utf-8")
