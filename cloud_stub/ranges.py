"""Bytes over HTTP: whole or in part, by the rules of Range and If-Range, read in pieces."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from cloud_stub.storage.names import media_type

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_PIECE = 256 * 1024


def wanted_range(header: str | None, size: int) -> tuple[int, int] | None:
    """(first, last) byte wanted, inclusive; None for the whole. Raises ValueError for a range past the end.

    A header that is not one plain range of bytes is as good as none.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        if int(last) == 0 or size == 0:
            raise ValueError(header)
        return max(0, size - int(last)), size - 1
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise ValueError(header)
    return int(first), min(int(last), size - 1) if last else size - 1


def file_response(request: Request, file: BinaryIO, size: int, name: str, max_age_s: int) -> Response:
    """The file, or the part that was asked for. Its ETag is its name: content never changes under it."""
    etag = f'"{name}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": f"private, max-age={max_age_s}, immutable",
        "X-Content-Type-Options": "nosniff",
    }
    if etag in (request.headers.get("if-none-match") or ""):
        file.close()
        return Response(status_code=304, headers=headers)
    still_same = request.headers.get("if-range") in (None, etag)
    try:
        part = wanted_range(request.headers.get("range"), size) if still_same else None
    except ValueError:
        file.close()
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    first, last = part or (0, size - 1)
    headers["Content-Length"] = str(last - first + 1)
    if part is not None:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    status = 206 if part is not None else 200
    return StreamingResponse(pieces(file, first, last - first + 1), status, headers, media_type(name))


def pieces(file: BinaryIO, start: int, length: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        while length > 0 and (piece := file.read(min(_PIECE, length))):
            length -= len(piece)
            yield piece
