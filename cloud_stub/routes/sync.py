"""The boxes' sync: facts in exactly once, the bucket out by revision. The shapes are `sync.wire`'s."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from cloud_stub.answers import FOR_BOXES, NOT_MODIFIED
from cloud_stub.auth import Cloud
from cloud_stub.boxes import Box
from cloud_stub.database import Row, Tx
from cloud_stub.facts import apply_push
from cloud_stub.repositories import changes, ops
from cloud_stub.waiters import bucket_topic
from sync.digest import bucket_etag
from sync.wire import LONG_POLL_S, PULL_MAX_ROWS, PullReply, PushReply, PushRequest

router = APIRouter(prefix="/api/sync/v1", responses=FOR_BOXES)

COMPRESS_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a pull. `next` is where the box stands when it has applied it."""

    reset: bool
    mark: changes.Mark
    rows: list[Row]
    next: int
    more: bool
    seen: int
    restored: bool = False

    @property
    def is_news(self) -> bool:
        return self.reset or bool(self.rows)


@router.post("/push")
async def push(request: PushRequest, player_id: Box, cloud: Cloud) -> PushReply:
    return await cloud.database.write(apply_push, player_id, request, cloud.now())


@router.get("/pull", response_class=Response, responses={200: {"model": PullReply}, **NOT_MODIFIED})
async def pull(
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
    with cloud.waiters.listening(bucket_topic(player_id)) as bell:
        page = await cloud.database.read(_page, player_id, epoch, since, heard, limit, cursor)
        if not page.is_news and wait > 0:
            await cloud.waiters.heard(bell, min(wait, LONG_POLL_S))
            page = await cloud.database.read(_page, player_id, epoch, since, heard, limit, cursor)
    etag = bucket_etag(page.mark.epoch, page.mark.rev, page.mark.digest)
    if if_none_match == etag and not page.is_news:
        return Response(status_code=304, headers={"ETag": etag})
    return _answer(_json(page, cloud.now()).encode(), etag, accept_encoding)


def _answer(body: bytes, etag: str, accept_encoding: str) -> Response:
    headers = {"ETag": etag, "Vary": "Accept-Encoding"}
    if len(body) > COMPRESS_BYTES and "gzip" in accept_encoding:
        body = gzip.compress(body, compresslevel=3)
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type="application/json", headers=headers)


def _page(tx: Tx, player_id: str, epoch: str, since: int, heard: int, limit: int, cursor: str | None) -> Page:
    mark, seen = changes.mark(tx, player_id), ops.seen(tx, player_id)
    restored = heard > seen
    if restored or cursor is not None or epoch != mark.epoch or since > mark.rev or since < mark.pruned_rev:
        page = _bucket_page(tx, player_id, mark, since if epoch == mark.epoch else None, limit, cursor)
        return replace(page, seen=seen, restored=restored)
    rows = changes.since(tx, player_id, since, limit + 1)
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(False, mark, rows, rows[-1]["rev"] if more else mark.rev, more, seen)


def _bucket_page(tx: Tx, player_id: str, mark: changes.Mark, began: int | None, limit: int, cursor: str | None) -> Page:
    """A page of the whole bucket. Rows may change while it is read, so a box that says (by `since` and the new
    `epoch`) where the first page stood gets that as `next`, and hears of the changes by the ordinary pull."""
    tbl, _, pk = (cursor or "").partition(":")
    rows = changes.bucket_page(tx, player_id, (tbl, pk), limit + 1)
    more = len(rows) > limit
    in_range = cursor is not None and began is not None and mark.pruned_rev <= began <= mark.rev
    return Page(True, mark, rows[:limit], began if in_range and began is not None else mark.rev, more, seen=0)


def _json(page: Page, now_s: float) -> str:
    """The reply; rows are JSON text already and are not read again."""
    whole = not page.more and page.next == page.mark.rev
    head = {"reset": page.reset, "epoch": page.mark.epoch, "next": page.next, "more": page.more,
            "digest": page.mark.digest if whole else None, "server_time": now_s,
            "seen": page.seen, "restored": page.restored}  # fmt: skip
    rows = ",".join(_change(row, page.reset) for row in page.rows)
    return f'{json.dumps(head)[:-1]}, "changes": [{rows}]}}'


def _change(row: Row, reset: bool) -> str:
    rev = 0 if reset else row["rev"]
    head = json.dumps({"rev": rev, "tbl": row["tbl"], "pk": row["pk"], "op": row["op"]})
    return f'{head[:-1]}, "row": {row["row_json"] or "null"}}}'
