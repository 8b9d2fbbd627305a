"""For players that keep no database of their own and do not sync: library, settings, and what they played."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from cloud_stub.answers import FOR_BOXES, Manifest, ManifestSong, RoomSettings, Stored, refusals
from cloud_stub.auth import Cloud
from cloud_stub.boxes import Box
from cloud_stub.database import Row, Tx
from cloud_stub.errors import not_found
from cloud_stub.links import step_of
from cloud_stub.repositories import players, plays, songs

router = APIRouter(prefix="/api/player", responses=FOR_BOXES)

MANIFEST_MAX = 500
A_DAY_S = 86_400.0


class PlayedSong(BaseModel):
    """One play, told at its start, its end, or once for both. Told again it changes nothing but its seconds."""

    model_config = ConfigDict(hide_input_in_errors=True)

    play_id: UUID
    song_id: UUID
    ago_s: Annotated[float, Field(ge=0, le=A_DAY_S, allow_inf_nan=False)] = 0.0  # since it began: no clock is needed
    seconds: Annotated[float, Field(ge=0, le=A_DAY_S, allow_inf_nan=False)] | None = None


@router.get("/library")
async def library(
    request: Request,
    player_id: Box,
    cloud: Cloud,
    after: Annotated[str, Query(max_length=64, pattern="^[0-9a-f-]*$")] = "",
    limit: Annotated[int, Query(ge=1, le=MANIFEST_MAX)] = MANIFEST_MAX,
) -> Manifest:
    """The songs that the room may play, page by page."""
    rows = await cloud.database.read(songs.manifest, player_id, after, limit + 1)
    step = step_of(cloud.now(), cloud.settings.link_half_life_s)
    base_url = cloud.settings.public_url or str(request.base_url).rstrip("/")
    found = [_listed(row, cloud.polls.link(row["file_url"], step, base_url)) for row in rows[:limit]]
    return {"success": True, "songs": found, "next": found[-1]["id"] if len(rows) > limit else None}


@router.get("/settings")
async def settings(player_id: Box, cloud: Cloud) -> RoomSettings:
    """What staff set for the room, by key."""
    return {"success": True, "settings": await cloud.database.read(players.settings, player_id)}


@router.post("/plays", responses=refusals(404))
async def played(body: PlayedSong, player_id: Box, cloud: Cloud) -> Stored:
    await cloud.database.write(_note_play, player_id, body, cloud.now())
    return {"success": True}


def _listed(row: Row, link: str) -> ManifestSong:
    return {
        "id": row["id"], "title": row["title"], "artist": row["artist"], "type": row["type"], "sha256": row["sha256"],
        "byte_size": row["byte_size"], "duration": row["duration"], "file_url": link,
    }  # fmt: skip


def _note_play(tx: Tx, player_id: str, play: PlayedSong, now_s: float) -> None:
    if not songs.exists(tx, str(play.song_id)):
        raise not_found("song", play.song_id)
    plays.begin(tx, str(play.play_id), player_id, str(play.song_id), now_s - play.ago_s, str(play.play_id))
    if play.seconds is not None and not plays.end(tx, str(play.play_id), player_id, play.seconds):
        raise not_found("play", play.play_id)
