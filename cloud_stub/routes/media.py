"""Audio files: by content for a box that shows its token, by signed link for anybody who was given one."""

from __future__ import annotations

import re

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from cloud_stub.answers import FILE, FOR_BOXES, refusals
from cloud_stub.auth import Cloud
from cloud_stub.boxes import Box
from cloud_stub.errors import Refused, not_found
from cloud_stub.links import is_valid, step_of
from cloud_stub.ranges import file_response
from cloud_stub.repositories import songs
from cloud_stub.services import Services
from cloud_stub.storage import FolderStorage

router = APIRouter()

_SHA256 = re.compile(r"[0-9a-f]{64}")


@router.get("/api/media/{sha256}", response_class=Response, responses={**FOR_BOXES, **FILE})
async def by_content(sha256: str, request: Request, player_id: Box, cloud: Cloud) -> Response:
    """A file of a song that this room may play: the bytes, or a link to them that works for a while."""
    if not _SHA256.fullmatch(sha256):
        raise Refused(422, "bad_sha256", "sha256: give 64 lower-case hex digits")
    name = await cloud.database.read(songs.media_name, sha256, player_id)
    if name is None:
        raise not_found("file", sha256)
    return _file(request, cloud, name)


@router.get("/media/{name}", response_class=Response, responses={**FILE, **refusals(403)})
async def by_link(name: str, request: Request, cloud: Cloud, expires: str = "", signature: str = "") -> Response:
    """The file that a signed link names, until it expires."""
    if not is_valid(cloud.settings.secret_key, name, expires, signature, cloud.now()):
        raise Refused(403, "bad_link", "this link has expired or was changed: ask for a new one")
    return _file(request, cloud, name)


def _file(request: Request, cloud: Services, name: str) -> Response:
    half_life_s = cloud.settings.link_half_life_s
    try:
        link = cloud.storage.link(name, step_of(cloud.now(), half_life_s))
        if link is not None:
            return RedirectResponse(link, 302, {"Cache-Control": "no-store"})
        assert isinstance(cloud.storage, FolderStorage), "any other store has links"
        return file_response(request, cloud.storage.open(name), cloud.storage.size(name), name, int(half_life_s))
    except FileNotFoundError as error:
        raise not_found("file", name) from error
