"""The boxes' sync: facts in exactly once, the bucket out by revision. The shapes are `sync.wire`'s."""

from __future__ import annotations

import gzip
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from cloud_stub.answers import FOR_BOXES, NOT_MODIFIED
from cloud_stub.auth import Cloud
from cloud_stub.boxes import Box
from cloud_stub.facts import apply_push
from cloud_stub.paging import Page, as_json, read_page
from cloud_stub.waiters import bucket_topic
from sync.digest import bucket_etag
from sync.wire import LONG_POLL_S, PULL_MAX_ROWS, PullReply, PushReply, PushRequest

router = APIRouter(prefix="/api/sync/v1", responses=FOR_BOXES)

COMPRESS_BYTES = 4096


@router.post("/push")
async def push(request: PushRequest, player_id: Box, cloud: Cloud) -> PushReply:
    return await cloud.database.write(apply_push, player_id, request, cloud.now())


@router.get("/pull", response_class=Response, responses={200: {"model": PullReply}, **NOT_MODIFIED})
async def pull(
    request: Request,
    player_id: Box,
    cloud: Cloud,
    epoch: str = "",
    since: Annotated[int, Query(ge=0)] = 0,
    heard: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=PULL_MAX_ROWS)] = PULL_MAX_ROWS,
    wait: Annotated[float, Query(ge=0, allow_inf_nan=False)] = 0.0,
    cursor: str | None = None,
    if_none_match: Annotated[str | None, Header()] = None,
    accept_encoding: Annotated[str, Header()] = "",
) -> Response:
    """Changes after `since`, or the whole bucket when the box stands somewhere we do not know.

    heard: how many of its ops we had answered when the box last heard us; more than we know of means that we were
    restored from a backup, which the box is told with the whole bucket.
    cursor: `<tbl>:<pk>` of the last row received, for the next page of a whole bucket.
    """

    async def look() -> Page:
        return await cloud.database.read(read_page, player_id, epoch, since, heard, limit, cursor)

    page = await cloud.waiters.news(bucket_topic(player_id), min(wait, LONG_POLL_S), look, lambda found: found.is_news)
    etag = bucket_etag(page.mark.epoch, page.mark.rev, page.mark.digest)
    if if_none_match == etag and not page.is_news:
        cloud.polls.note_unchanged(request.scope)
        return Response(status_code=304, headers={"ETag": etag})
    return _answer(as_json(page, cloud.now()).encode(), etag, accept_encoding)


def _answer(body: bytes, etag: str, accept_encoding: str) -> Response:
    headers = {"ETag": etag, "Vary": "Accept-Encoding"}
    if len(body) > COMPRESS_BYTES and "gzip" in accept_encoding:
        body = gzip.compress(body, compresslevel=3)
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type="application/json", headers=headers)
