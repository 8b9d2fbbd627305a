"""What listeners do with their phones: check in and out, and rate what they hear."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Body, Response

from checkin.rules import expiry_s
from cloud_stub.auth import Cloud, Listener, SignedIn
from cloud_stub.database import Row, Tx
from cloud_stub.errors import Refused, not_found
from cloud_stub.learning import cast
from cloud_stub.moments import to_seconds
from cloud_stub.repositories import attempts, logins, players, profiles, rooms, sessions, songs, votes
from cloud_stub.repositories.votes import NewVote
from cloud_stub.voting import SOUNDED_WITHIN_S, newest_mix, room_in_reach, sounded, vote_value
from cloud_stub.voting import loudest as loudest_of

router = APIRouter(prefix="/api")

JsonBody = Annotated[dict[str, Any], Body()]


@router.get("/me")
async def me(listener: SignedIn, cloud: Cloud) -> dict[str, Any]:
    return await cloud.database.read(_me, listener.profile_id, cloud.now())


@router.post("/checkin")
async def check_in(body: JsonBody, listener: SignedIn, cloud: Cloud) -> dict[str, Any]:
    """Open a stay, or renew the one that is open here; never ends one here."""
    player_id = _id(body, "player_id")
    return await cloud.database.write(_check_in, listener.profile_id, player_id, cloud.now())


@router.post("/checkout")
async def check_out(listener: SignedIn, cloud: Cloud) -> dict[str, Any]:
    """End the open stay, wherever it is; being out already is fine."""
    return await cloud.database.write(_check_out, listener.profile_id, cloud.now())


@router.post("/votes")
async def rate(body: JsonBody, listener: SignedIn, cloud: Cloud, response: Response) -> dict[str, Any]:
    """Rate a song, or with `player_id` alone the mix of the room."""
    value = vote_value(body.get("vote_value"))
    song_id = _id(body, "song_id") if "song_id" in body else None
    player_id = _id(body, "player_id") if "player_id" in body else None
    if song_id is None and player_id is None:
        raise Refused(422, "bad_vote", "song_id or player_id: say what is rated, a song or a room's mix")
    result = await cloud.database.write(_rate, listener, song_id, player_id, value, cloud.now())
    if result["status"] == "held":
        response.status_code = 202
    return result


def _me(tx: Tx, profile_id: str, now_s: float) -> dict[str, Any]:
    profile = profiles.find(tx, profile_id)
    if profile is None:
        raise not_found("profile", profile_id)
    taste, rev = profiles.taste(tx, profile_id)
    stay = sessions.open_stay(tx, profile_id, now_s)
    return {
        "id": profile["id"],
        "email": profile["email"],
        "display_name": profile["display_name"],
        "preference_vector": list(taste.preference_vector),
        "taste_rev": rev,
        "votes": taste.votes,
        "roles": sorted(logins.roles(tx, profile_id)),
        "session": None if stay is None else _stay(stay),
    }


def _check_in(tx: Tx, profile_id: str, player_id: str, now_s: float) -> dict[str, Any]:
    player = players.find(tx, player_id)
    if player is None:
        raise not_found("room", player_id)
    stay = sessions.open_stay(tx, profile_id, now_s)
    if stay is not None and stay["player_id"] == player_id:
        session_id = stay["id"]
        sessions.extend(tx, session_id, expiry_s(now_s), now_s)
    else:
        session_id = sessions.begin(tx, profile_id, player_id, now_s, expiry_s(now_s), now_s)
    found = sessions.find(tx, session_id)
    assert found is not None
    return {**_stay(found), "room": player["name"], "here": sessions.here(tx, player_id, now_s)}


def _check_out(tx: Tx, profile_id: str, now_s: float) -> dict[str, Any]:
    stay = sessions.open_stay(tx, profile_id, now_s)
    if stay is None:
        return {"session_id": None, "status": "inactive"}
    sessions.end(tx, stay["id"], now_s, now_s)
    return {"session_id": stay["id"], "status": "inactive"}


def _rate(
    tx: Tx, listener: Listener, song_id: str | None, player_id: str | None, value: int, now_s: float
) -> dict[str, Any]:
    attempts.take(tx, attempts.VOTE, listener.profile_id, now_s)
    room_id = _voters_room(tx, listener, player_id, now_s)
    state = rooms.state(tx, room_id)
    if not room_in_reach(state.heard.at_s if state else None, now_s):
        return _hold(tx, _vote(tx, listener, room_id, song_id, value, now_s, rooms.KEEP_SCENES_S), now_s)
    vote = _vote(tx, listener, room_id, song_id, value, now_s, SOUNDED_WITHIN_S)
    heard = rooms.heard_since(tx, room_id, now_s - SOUNDED_WITHIN_S)
    if not sounded(heard, vote.song_id, now_s):
        raise _not_playing()
    learnt = cast(tx, vote, now_s)
    return {
        "status": "applied",
        "vote_id": vote.vote_id,
        "song_id": vote.song_id,
        "vote_value": value,
        "preference_vector": list(learnt.taste.preference_vector),
        "taste_rev": learnt.taste_rev,
    }


def _voters_room(tx: Tx, listener: Listener, player_id: str | None, now_s: float) -> str:
    stay = sessions.open_stay(tx, listener.profile_id, now_s)
    if stay is None or player_id not in (None, stay["player_id"]):
        raise Refused(403, "not_here", "check in to the room first: only people in it can rate what it plays")
    return str(stay["player_id"])


def _vote(
    tx: Tx, listener: Listener, room_id: str, song_id: str | None, value: int, now_s: float, within_s: float
) -> NewVote:
    """The vote on the song named, or on the mix that sounded last within that time."""
    mix = None
    if song_id is None:
        mix = newest_mix(rooms.heard_since(tx, room_id, now_s - within_s), now_s)
        if mix is None:
            raise _not_playing()
        song_id = loudest_of(mix.layers)
    assert song_id is not None
    if not songs.exists(tx, song_id):
        raise not_found("song", song_id)
    return NewVote(
        vote_id=str(uuid4()),
        user_id=listener.profile_id,
        player_id=room_id,
        song_id=song_id,
        value=value,
        at_s=now_s,
        source="phone",
        scene_id=mix.scene_id if mix else None,
        layers=tuple(layer for layer in mix.layers if layer[1] > 0) if mix else (),
    )


def _hold(tx: Tx, vote: NewVote, now_s: float) -> dict[str, Any]:
    votes.hold(tx, vote, now_s)
    return {
        "status": "held",
        "vote_id": vote.vote_id,
        "song_id": vote.song_id,
        "vote_value": vote.value,
        "message": "the room cannot be reached just now: your vote counts when its box confirms what it played",
    }


def _not_playing() -> Refused:
    return Refused(409, "not_playing", "this did not sound here in the last minute, so it cannot be rated")


def _stay(row: Row) -> dict[str, Any]:
    return {
        "session_id": row["id"],
        "player_id": row["player_id"],
        "status": row["status"],
        "checked_in_at": to_seconds(row["checked_in_at"]),
        "expires_at": to_seconds(row["expires_at"]),
    }


def _id(body: dict[str, Any], name: str) -> str:
    try:
        return str(UUID(body[name]))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Refused(422, f"bad_{name}", f"{name}: give the id as a UUID") from error
