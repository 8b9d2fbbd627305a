"""The room's page for a stranger's phone, and what it shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from importlib import resources
from uuid import UUID

from fastapi import APIRouter, Response
from starlette.responses import StreamingResponse

from cloud_stub.answers import Room, refusals
from cloud_stub.auth import Cloud
from cloud_stub.database import Tx
from cloud_stub.errors import DatabaseError, Refused, not_found
from cloud_stub.presence import OFFLINE_AFTER_S, status_of
from cloud_stub.repositories import players, rooms, sessions, songs
from cloud_stub.services import Services
from cloud_stub.waiters import room_topic

router = APIRouter()


class EventStream(StreamingResponse):
    media_type = "text/event-stream"


KEEP_ALIVE_S = 15.0  # proxies cut what is silent for longer
GATHER_S = 0.2  # what happens at once is told at once
_STREAM = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
_TYPES = {"css": "text/css", "js": "text/javascript"}
_POLICY = "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
_HEADERS = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


@router.get("/api/rooms/{player_id}", responses=refusals(404))
async def room(player_id: UUID, cloud: Cloud) -> Room:
    """What a room plays and who is there: public, without names."""
    last_poll_s = cloud.polls.last_poll.get(str(player_id))
    return await cloud.database.read(_room, str(player_id), last_poll_s, cloud.now())


@router.get("/api/rooms/{player_id}/events", response_class=EventStream, responses=refusals(404))
async def events(player_id: UUID, cloud: Cloud) -> EventStream:
    """Server-sent events: `room`, with what `/api/rooms/…` answers, now and whenever it changes."""
    if await cloud.database.read(players.find, str(player_id)) is None:
        raise not_found("room", player_id)
    return EventStream(_told(cloud, str(player_id)), headers=_STREAM)


async def _told(cloud: Services, player_id: str) -> AsyncIterator[str]:
    said = ""
    while not cloud.waiters.closed:
        with cloud.waiters.listening(room_topic(player_id)) as bell:
            news = await _now(cloud, player_id)
            if news != said:
                said = news
                yield news
            if not await cloud.waiters.heard(bell, KEEP_ALIVE_S):
                yield ": still here\n\n"
        await asyncio.sleep(GATHER_S)


async def _now(cloud: Services, player_id: str) -> str:
    last_poll_s = cloud.polls.last_poll.get(player_id)
    try:
        shown = await cloud.database.read(_room, player_id, last_poll_s, cloud.now())
    except (DatabaseError, Refused) as error:
        return f"event: gone\ndata: {json.dumps(str(error))}\n\n"
    return f"event: room\ndata: {json.dumps(shown)}\n\n"


@router.get("/r/{player_id}", include_in_schema=False)
async def page(player_id: UUID, cloud: Cloud) -> Response:
    """The page is the same for every room: it asks for the room by its own address."""
    if await cloud.database.read(players.find, str(player_id)) is None:
        return Response(_web("gone.html"), status_code=404, media_type="text/html", headers=_HEADERS)
    return Response(_web("room.html"), media_type="text/html", headers=_HEADERS)


@router.get("/web/{name}", include_in_schema=False)
async def asset(name: str) -> Response:
    if name not in ("room.css", "room.js"):
        raise not_found("page", name)
    return Response(_web(name), media_type=_TYPES[name.rsplit(".", 1)[1]], headers=_HEADERS)


def _room(tx: Tx, player_id: str, last_poll_s: float | None, now_s: float) -> Room:
    player = players.find(tx, player_id)
    if player is None:
        raise not_found("room", player_id)
    state = rooms.state(tx, player_id)
    fresh = state is not None and now_s - state.heard.at_s <= OFFLINE_AFTER_S
    heard = [layer for layer in state.heard.layers if layer[1] > 0] if state and fresh else []
    named = songs.names(tx, [song_id for song_id, _ in heard]).get()
    return {
        "name": player["name"],
        "here": sessions.here(tx, player_id, now_s),
        "status": status_of(last_poll_s, state, now_s),
        "layers": [
            {"song_id": song_id, "title": song["title"], "type": song["type"], "share": share}
            for song_id, share in heard
            if (song := named.get(song_id))
        ],
        "why": list(state.why) if state and fresh else [],
    }


def _web(name: str) -> str:
    return resources.files("cloud_stub").joinpath("web", name).read_text(encoding="utf-8")
