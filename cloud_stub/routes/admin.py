"""Staff: the library, the rooms, and what happened in them. A manager sees the rooms that are theirs."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated, Any, cast
from uuid import UUID, uuid4

from fastapi import APIRouter, File, Form, Query, Response, UploadFile
from pydantic import BaseModel, Field

from cloud_stub import addresses
from cloud_stub.answers import (
    ClaimCode,
    NamedToken,
    OpLine,
    Play,
    Player,
    QueueLine,
    RoomAddress,
    Song,
    StayLine,
    VoteLine,
    refusals,
)
from cloud_stub.answers import PlayerToken as TokenAnswer
from cloud_stub.auth import Cloud, Listener, Staff
from cloud_stub.database import Database, Row, Tx
from cloud_stub.errors import Refused, not_found
from cloud_stub.ingest import Meant, ending_of, ingest, model_listener, parse_embedding
from cloud_stub.moments import seconds_or_none
from cloud_stub.presence import status_of
from cloud_stub.repositories import claims, ops, players, plays, queue, rooms, sessions, songs, votes
from cloud_stub.repositories.songs import NewSong
from cloud_stub.repositories.stamps import Stamp
from cloud_stub.ruling import say
from cloud_stub.services import Services
from cloud_stub.tokens import PlayerToken, new_token
from sync.facts import RuleBody

router = APIRouter(prefix="/api/admin", responses=refusals(401, 403))

Limit = Annotated[int, Query(ge=1, le=10_000)]
_PIECE = 1 << 20
_OF_ROOM = refusals(404, 413)


class NewPlayer(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=120)]


class Library(BaseModel):
    song_ids: Annotated[list[UUID], Field(max_length=100_000)]


@router.post("/songs", status_code=201, responses=refusals(400, 409, 413))
async def upload(
    staff: Staff,
    cloud: Cloud,
    file: Annotated[UploadFile, File()],
    title: Annotated[str, Form()],
    type: Annotated[str, Form()],
    artist: Annotated[str | None, Form()] = None,
    embedding: Annotated[str | None, Form()] = None,
) -> Song:
    """A new song from a file; the same file again is refused with the song it is already."""
    meant = Meant(title, type, artist, parse_embedding(embedding))
    name = file.filename or "upload"
    with tempfile.TemporaryDirectory(prefix="cosound-upload-") as folder:
        path = Path(folder) / f"upload{ending_of(name)}"
        await _save(file, path, cloud.settings.upload_max_bytes)
        song = await asyncio.to_thread(ingest, path, name, meant, cloud.storage, model_listener())
    return await cloud.database.write(_add_song, song, cloud.now())


@router.get("/songs")
async def list_songs(staff: Staff, cloud: Cloud) -> list[Song]:
    return [_public(row) for row in await cloud.database.read(songs.listed)]


@router.get("/songs/{song_id}", responses=refusals(404))
async def show_song(song_id: UUID, staff: Staff, cloud: Cloud) -> Song:
    row = await cloud.database.read(songs.find, str(song_id))
    if row is None:
        raise not_found("song", song_id)
    return _public(row)


@router.delete("/songs/{song_id}", status_code=204, responses=refusals(404))
async def remove_song(song_id: UUID, staff: Staff, cloud: Cloud) -> Response:
    if not await cloud.database.write(songs.remove, str(song_id), cloud.now()):
        raise not_found("song", song_id)
    return Response(status_code=204)


@router.post("/players", status_code=201, responses=refusals(413))
async def add_player(body: NewPlayer, staff: Staff, cloud: Cloud) -> NamedToken:
    """A new room. Its token is shown here and never again."""
    token = new_token()
    player_id = await cloud.database.write(_add_player, staff, body.name, token, cloud)
    return {"id": player_id, "name": body.name, "token": token.text}


@router.get("/players")
async def list_players(staff: Staff, cloud: Cloud) -> list[Player]:
    return await cloud.database.read(_list_players, staff, cloud)


@router.get("/players/{player_id}", responses=_OF_ROOM)
async def show_player(player_id: UUID, staff: Staff, cloud: Cloud) -> Player:
    return await cloud.database.read(_show_player, staff, cloud, str(player_id))


@router.put("/players/{player_id}/library", status_code=204, responses=_OF_ROOM)
async def set_library(player_id: UUID, body: Library, staff: Staff, cloud: Cloud) -> Response:
    """The songs the room may play; an empty list means all of them."""
    await cloud.database.write(_set_library, staff, str(player_id), [str(song) for song in body.song_ids], cloud.now())
    return Response(status_code=204)


@router.put("/players/{player_id}/rules", status_code=204, responses=_OF_ROOM)
async def set_rule(player_id: UUID, body: RuleBody, staff: Staff, cloud: Cloud) -> Response:
    """Pin, skip, ban or place a song in this room, or lift that with `until_s` in the past."""
    await cloud.database.write(_set_rule, staff, str(player_id), body, cloud.now())
    return Response(status_code=204)


@router.post("/players/{player_id}/token", responses=_OF_ROOM)
async def rotate_token(player_id: UUID, staff: Staff, cloud: Cloud, overlap: bool = False) -> TokenAnswer:
    """A new token, shown once; the old ones are worthless from now on, or with `overlap` from its first use on."""
    token = new_token()
    await cloud.database.write(_rotate, staff, str(player_id), token, cloud.now(), overlap)
    return {"id": str(player_id), "token": token.text}


@router.delete("/players/{player_id}/token", status_code=204, responses=_OF_ROOM)
async def revoke_tokens(player_id: UUID, staff: Staff, cloud: Cloud) -> Response:
    """Lock the room's box out: every token it has is worthless from now on."""
    await cloud.database.write(_revoke, staff, str(player_id), cloud.now())
    return Response(status_code=204)


@router.post("/players/{player_id}/address", responses=_OF_ROOM)
async def renew_address(player_id: UUID, staff: Staff, cloud: Cloud, overlap: bool = False) -> RoomAddress:
    """A new signed address for stickers and signs; the old ones no longer let anybody check in, or with `overlap` do so
    until they are retired."""
    address = await cloud.database.write(_renew_address, staff, str(player_id), cloud, overlap)
    return {"id": str(player_id), "address": address}


@router.delete("/players/{player_id}/address", status_code=204, responses=_OF_ROOM)
async def retire_addresses(player_id: UUID, staff: Staff, cloud: Cloud) -> Response:
    """All signs but the newest are worthless from now on."""
    await cloud.database.write(_retire_addresses, staff, str(player_id))
    return Response(status_code=204)


@router.post("/players/{player_id}/claim", status_code=201, responses=_OF_ROOM)
async def claim_code(player_id: UUID, staff: Staff, cloud: Cloud) -> ClaimCode:
    """A code to type in at the box, once and within minutes; it gets the token in exchange."""
    code = await cloud.database.write(_claim_code, staff, str(player_id), cloud.now())
    return {"id": str(player_id), "code": code, "expires_in": int(claims.LIFE_S)}


@router.get("/players/{player_id}/ops", responses=_OF_ROOM)
async def list_ops(
    player_id: UUID, staff: Staff, cloud: Cloud, after: Annotated[int, Query(ge=0)] = 0, limit: Limit = 10_000
) -> list[OpLine]:
    """What the box told us and what we answered, from number `after` on."""
    return await cloud.database.read(_of_room, staff, str(player_id), ops.listed, after, limit)


@router.get("/players/{player_id}/plays", responses=_OF_ROOM)
async def list_plays(player_id: UUID, staff: Staff, cloud: Cloud, limit: Limit = 1_000) -> list[Play]:
    return await cloud.database.read(_of_room, staff, str(player_id), plays.listed, limit)


@router.get("/players/{player_id}/votes", responses=_OF_ROOM)
async def list_votes(player_id: UUID, staff: Staff, cloud: Cloud, limit: Limit = 1_000) -> list[VoteLine]:
    return await cloud.database.read(_of_room, staff, str(player_id), votes.listed, limit)


@router.get("/players/{player_id}/sessions", responses=_OF_ROOM)
async def list_sessions(player_id: UUID, staff: Staff, cloud: Cloud, limit: Limit = 1_000) -> list[StayLine]:
    return await cloud.database.read(_of_room, staff, str(player_id), sessions.listed, limit)


@router.get("/players/{player_id}/queue", responses=_OF_ROOM)
async def show_queue(player_id: UUID, staff: Staff, cloud: Cloud) -> list[QueueLine]:
    return await cloud.database.read(_of_room, staff, str(player_id), queue.entries)


async def _save(file: UploadFile, path: Path, max_bytes: int) -> None:
    size = 0
    with path.open("wb") as target:
        while piece := await file.read(_PIECE):
            size += len(piece)
            if size > max_bytes:
                raise Refused(413, "too_large", f"file: at most {max_bytes // 2**20} MiB can be uploaded")
            target.write(piece)


def _add_song(tx: Tx, song: NewSong, now_s: float) -> Song:
    known = songs.find_by_sha256(tx, song.sha256)
    if known is not None:
        raise Refused(409, "already_there", f"this file is in the library already: {known['title']} ({known['id']})")
    try:
        with tx.part():
            row = songs.find(tx, songs.add(tx, song, now_s))
    except Database.IntegrityError as error:
        raise Refused(409, "already_there", "this file is in the library already") from error
    assert row is not None
    return _public(row)


def _public(row: Row) -> Song:
    """The row as it is: what is not in the answer's shape (`certificate`, `deleted_at`) is left out of it."""
    return cast(Song, row)


def _theirs(tx: Tx, staff: Listener, player_id: str) -> Row:
    """The room, for an admin or for the manager whose it is; to others it is not there."""
    player = players.find(tx, player_id)
    if player is None or ("admin" not in staff.roles and player["manager_id"] != staff.profile_id):
        raise not_found("player", player_id)
    return player


def _of_room(tx: Tx, staff: Listener, player_id: str, read: Any, *args: object) -> Any:
    _theirs(tx, staff, player_id)
    return read(tx, player_id, *args)


def _list_players(tx: Tx, staff: Listener, cloud: Services) -> list[Player]:
    mine = None if "admin" in staff.roles else staff.profile_id
    return [_shown(tx, row, cloud) for row in players.listed(tx, mine)]


def _show_player(tx: Tx, staff: Listener, cloud: Services, player_id: str) -> Player:
    return _shown(tx, _theirs(tx, staff, player_id), cloud)


def _shown(tx: Tx, row: Row, cloud: Services) -> Player:
    last_poll_s = cloud.polls.last_poll.get(row["id"], seconds_or_none(row["last_poll"]))
    state = rooms.state(tx, row["id"])
    return {
        "id": row["id"],
        "name": row["name"],
        "address": addresses.address_of(row, cloud.settings.secret_key, cloud.settings.public_url),
        "status": status_of(last_poll_s, state, cloud.now()),
        "current_song_id": row["current_song_id"],
        "last_poll": last_poll_s,
        "manager_id": row["manager_id"],
        "here": sessions.here(tx, row["id"], cloud.now()),
        "queue_rev": row["queue_rev"],
        "queue_ranked_at": cloud.refresher.ranked_s(row["id"]),
        "rev": row["rev"],
    }


def _set_library(tx: Tx, staff: Listener, player_id: str, song_ids: list[str], now_s: float) -> None:
    _theirs(tx, staff, player_id)
    unknown = next((song_id for song_id in song_ids if songs.find(tx, song_id) is None), None)
    if unknown is not None:
        raise not_found("song", unknown)
    songs.set_library(tx, player_id, song_ids, now_s)


def _set_rule(tx: Tx, staff: Listener, player_id: str, body: RuleBody, now_s: float) -> None:
    """It is the newest word on that song, unless a box's clock says otherwise of one that has come already."""
    _theirs(tx, staff, player_id)
    if not songs.exists(tx, str(body.song_id)):
        raise not_found("song", str(body.song_id))
    say(tx, player_id, body, Stamp(round(now_s * 1000), str(uuid4())), now_s, by_box=False)


def _rotate(tx: Tx, staff: Listener, player_id: str, token: PlayerToken, now_s: float, overlap: bool) -> None:
    _theirs(tx, staff, player_id)
    if overlap:
        players.rotate_token(tx, player_id, token, now_s)
    else:
        players.add_token(tx, player_id, token, now_s)
        players.revoke_tokens(tx, player_id, now_s, keep_prefix=token.prefix)


def _add_player(tx: Tx, staff: Listener, name: str, token: PlayerToken, cloud: Services) -> str:
    player_id = players.create(tx, name, token, cloud.now(), manager_id=staff.profile_id)
    addresses.publish(tx, cloud.settings.secret_key, cloud.settings.public_url, cloud.now(), player_id)
    return player_id


def _renew_address(tx: Tx, staff: Listener, player_id: str, cloud: Services, overlap: bool) -> str:
    _theirs(tx, staff, player_id)
    players.renew_address(tx, player_id)
    if not overlap:
        players.retire_addresses(tx, player_id)
    addresses.publish(tx, cloud.settings.secret_key, cloud.settings.public_url, cloud.now(), player_id)
    return addresses.address_of(_theirs(tx, staff, player_id), cloud.settings.secret_key, cloud.settings.public_url)


def _retire_addresses(tx: Tx, staff: Listener, player_id: str) -> None:
    _theirs(tx, staff, player_id)
    players.retire_addresses(tx, player_id)


def _revoke(tx: Tx, staff: Listener, player_id: str, now_s: float) -> None:
    _theirs(tx, staff, player_id)
    players.revoke_tokens(tx, player_id, now_s)


def _claim_code(tx: Tx, staff: Listener, player_id: str, now_s: float) -> str:
    _theirs(tx, staff, player_id)
    return claims.create(tx, player_id, now_s)
