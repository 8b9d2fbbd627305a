"""What boxes tell of themselves and ask for. (Their media are answered in `media`.)"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from cloud_stub.answers import FOR_BOXES, QUEUE, NamedToken, refusals
from cloud_stub.answers import PlayerToken as TokenAnswer
from cloud_stub.auth import Cloud
from cloud_stub.boxes import PLAYER_TOKEN, Box
from cloud_stub.database import Tx
from cloud_stub.errors import Refused
from cloud_stub.presence import current_song
from cloud_stub.repositories import attempts, claims, ops, players, rooms, songs
from cloud_stub.tokens import PlayerToken, new_token
from sync.facts import LayerShare
from sync.wire import BareBeat, Heartbeat, HeartbeatReply

router = APIRouter()

# Read by hand, so that a newer box may say more than we know.
_BEAT = {
    "title": "Heartbeat or BareBeat",
    "type": "object",
    "properties": {
        **BareBeat.model_json_schema()["properties"],
        **Heartbeat.model_json_schema()["properties"],
        "scene": {"type": "array", "items": LayerShare.model_json_schema()},
    },
}
Beat = Annotated[dict[str, Any], Body(), WithJsonSchema(_BEAT)]


@router.get("/api/player/queue", response_class=Response, responses=QUEUE)
@router.get("/api/cosound", response_class=Response, responses=QUEUE)
async def queue(
    _: Annotated[object, PLAYER_TOKEN],
    wait: Annotated[float, Query(description="seconds to hold back an answer that says nothing new")] = 0.0,
    if_none_match: Annotated[str | None, Header()] = None,
) -> None:
    """What to play next. `fastpath` answers it, in front of all routes: this is its description."""
    raise NotImplementedError


@router.post(
    "/api/player/heartbeat", response_model=HeartbeatReply,
    responses={**FOR_BOXES, 204: {"description": "As before."}, 409: {"description": "As before what?"}},
)  # fmt: skip
async def heartbeat(request: Request, body: Beat, player_id: Box, cloud: Cloud) -> Any:
    """How a room is, or that it is as before: 204, or 409 when we do not know how it was. Fields that we do not
    know yet are a newer box's: they are left aside."""
    if "as_before" in body:
        bare = {name: body[name] for name in BareBeat.model_fields if name in body}
        repeated = BareBeat.model_validate(bare)
        if not await cloud.database.write_in(player_id, rooms.repeat, player_id, repeated, cloud.now()):
            return Response(status_code=409)
        cloud.polls.note_unchanged(request.scope)
        return Response(status_code=204)
    known = {name: body[name] for name in Heartbeat.model_fields if name in body}
    return await cloud.database.write_in(player_id, _note, player_id, Heartbeat.model_validate(known), cloud.now())


class Claim(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    code: Annotated[str, Field(max_length=40)]


@router.post("/api/player/token", responses=FOR_BOXES)
async def rotate_token(player_id: Box, cloud: Cloud) -> TokenAnswer:
    """A new token for the box that asks; the one it asked with works until the new one does."""
    token = new_token()
    await cloud.database.write(players.rotate_token, player_id, token, cloud.now())
    return {"id": player_id, "token": token.text}


@router.post("/api/player/claim", responses=refusals(403, 413, 429))
async def claim(body: Claim, request: Request, cloud: Cloud) -> NamedToken:
    """A box's first token, in exchange for the code that staff read out."""
    place = request.client.host if request.client else ""
    await cloud.database.write(attempts.take, attempts.CLAIM, place, cloud.now())
    token = new_token()
    player_id, name = await cloud.database.write(_claim, body.code, token, cloud.now())
    await cloud.database.write(attempts.forget, attempts.CLAIM, place)
    return {"id": player_id, "name": name, "token": token.text}


def _claim(tx: Tx, code: str, token: PlayerToken, now_s: float) -> tuple[str, str]:
    """(id, name) of the room whose code it is."""
    player_id = claims.take(tx, code, now_s)
    player = players.find(tx, player_id) if player_id else None
    if player is None:
        raise Refused(403, "bad_code", "this code is not known, was used, or is too old: ask for a new one")
    players.rotate_token(tx, player["id"], token, now_s)
    return player["id"], player["name"]


def _note(tx: Tx, player_id: str, beat: Heartbeat, now_s: float) -> HeartbeatReply:
    state = rooms.note(tx, player_id, beat, now_s)
    ops.learn_boot(tx, player_id, beat.boot_id, now_s - beat.mono_ms / 1000, now_s)
    named = songs.names(tx, [song_id for song_id, _ in state.heard.layers]).get()
    kinds = {song_id: row["type"] for song_id, row in named.items()}
    players.set_current_song(tx, player_id, current_song(state.heard.layers, kinds))
    player = players.find(tx, player_id)
    assert player is not None
    kept = rooms.kept_name(tx, player_id)
    return HeartbeatReply(server_time=now_s, rev=player["rev"], queue_rev=player["queue_rev"], kept=kept)
