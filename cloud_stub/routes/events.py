"""A room as it changes, for pages that show it: server-sent events."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request

from cloud_stub.answers import refusals
from cloud_stub.auth import Cloud
from cloud_stub.errors import DatabaseError, Refused, not_found
from cloud_stub.repositories import players
from cloud_stub.routes.room import shown
from cloud_stub.services import Services
from cloud_stub.streams import EventStream, event
from cloud_stub.waiters import room_topic

router = APIRouter()

KEEP_ALIVE_S = 15.0  # proxies cut what is silent for longer
GATHER_S = 0.2  # what happens at once is told at once
COME_BACK_MS = (2_000, 6_000)  # after a cut, each at another moment
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


@router.get("/api/rooms/{player_id}/events", response_class=EventStream, responses=refusals(404, 429))
async def events(
    player_id: UUID, request: Request, cloud: Cloud, last_event_id: Annotated[str | None, Header()] = None
) -> EventStream:
    """`room` with what `/api/rooms/…` answers, now and whenever it changes; `gone` while that cannot be told.

    Who comes back with `Last-Event-ID` hears nothing they know. A comment every 15 s keeps the line open.
    """
    place = request.client.host if request.client else ""
    cloud.streams.check(place)
    if await cloud.database.read(players.find, str(player_id)) is None:
        raise not_found("room", player_id)
    return EventStream(_told(cloud, str(player_id), place, last_event_id), headers=_HEADERS)


async def _told(cloud: Services, player_id: str, place: str, known: str | None) -> AsyncGenerator[str, None]:
    with cloud.streams.open(place):
        yield f"retry: {random.randint(*COME_BACK_MS)}\n\n"
        while not cloud.waiters.closed:
            with cloud.waiters.listening(room_topic(player_id)) as bell:
                known_by, news = await _now(cloud, player_id)
                if known_by != known:
                    known = known_by
                    yield news
                if not await cloud.waiters.heard(bell, KEEP_ALIVE_S):
                    yield ": still here\n\n"
            await asyncio.sleep(GATHER_S)


async def _now(cloud: Services, player_id: str) -> tuple[str, str]:
    last_poll_s = cloud.polls.last_poll.get(player_id)
    try:
        room = await cloud.database.read(shown, player_id, last_poll_s, cloud.now())
    except DatabaseError:
        return event("gone", json.dumps("the server cannot say just now"))
    except Refused as error:
        return event("gone", json.dumps(error.message))
    return event("room", json.dumps(room))
