"""The room's page for a stranger's phone, and what it shows."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response

from cloud_stub import pages
from cloud_stub.answers import Room, refusals
from cloud_stub.auth import Cloud
from cloud_stub.database import Tx
from cloud_stub.errors import not_found
from cloud_stub.presence import OFFLINE_AFTER_S, status_of
from cloud_stub.repositories import players, rooms, sessions, songs

router = APIRouter()


@router.get("/api/rooms/{player_id}", responses=refusals(404))
async def room(player_id: UUID, cloud: Cloud) -> Room:
    """What a room plays and who is there: public, without names."""
    last_poll_s = cloud.polls.last_poll.get(str(player_id))
    return await cloud.database.read(shown, str(player_id), last_poll_s, cloud.now())


@router.get("/r/{player_id}", include_in_schema=False)
async def page(player_id: UUID, cloud: Cloud) -> Response:
    """The page is the same for every room: it asks for the room by its own address."""
    if await cloud.database.read(players.find, str(player_id)) is None:
        return pages.page("gone.html", 404)
    return pages.page("room.html")


@router.get("/web/{name}", include_in_schema=False)
async def asset(name: str) -> Response:
    found = pages.asset(name)
    if found is None:
        raise not_found("page", name)
    return found


def shown(tx: Tx, player_id: str, last_poll_s: float | None, now_s: float) -> Room:
    """What anybody may know of a room. Raises Refused (404)."""
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
