"""What listeners do with their phones: check in and out, and rate what they hear."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, WithJsonSchema

from checkin.rules import expiry_s
from cloud_stub import addresses
from cloud_stub.answers import CheckedIn, CheckedOut, Held, Me, Rated, Stay, refusals
from cloud_stub.auth import Cloud, Listener, LoggedIn, SignedIn, listener_of, login_gone
from cloud_stub.claims import Login
from cloud_stub.database import Asked, Row, Tx
from cloud_stub.errors import Refused, not_found
from cloud_stub.learning import cast, look_back, look_back_by_login
from cloud_stub.login_tokens import ISSUER
from cloud_stub.moments import to_seconds
from cloud_stub.repositories import attempts, players, profiles, rooms, sessions, songs, voters, votes
from cloud_stub.repositories.rooms import Heard
from cloud_stub.repositories.voters import Voter
from cloud_stub.repositories.votes import NewVote
from cloud_stub.voting import SOUNDED_WITHIN_S, newest_mix, room_in_reach, sounded, vote_value
from cloud_stub.voting import loudest as loudest_of

router = APIRouter(prefix="/api", responses=refusals(401))

_VALUE = {"type": "integer", "minimum": 1, "maximum": 5}


class WhereTo(BaseModel):
    """The room to check in to. `s`: the signature in the address on its sign."""

    model_config = ConfigDict(hide_input_in_errors=True)

    player_id: UUID
    s: Annotated[Any, WithJsonSchema({"type": "string"})] = None  # what is none of ours is unsigned, whatever it is


class Rating(BaseModel):
    """`vote_value` from 1 (no) to 5 (yes), of a song or, with `player_id` alone, of a room's mix."""

    model_config = ConfigDict(hide_input_in_errors=True)

    vote_value: Annotated[Any, WithJsonSchema(_VALUE)] = None
    song_id: UUID | None = None
    player_id: UUID | None = None


@router.get("/me")
async def me(listener: SignedIn, cloud: Cloud) -> Me:
    """Who is logged in, their taste, and where they are."""
    return await cloud.database.read(_me, listener, cloud.now())


@router.post("/checkin", responses=refusals(403, 404, 413))
async def check_in(body: WhereTo, login: LoggedIn, cloud: Cloud) -> CheckedIn:
    """Open a stay, or renew the one that is open here; never ends one here. `s`: the signature in the address on the
    room's sign, by which we know that somebody was there; to stay on takes none."""
    player_id, signature = str(body.player_id), str(body.s or "")
    return await cloud.database.write(_check_in, login, player_id, signature, cloud.settings.secret_key, cloud.now())


@router.post("/checkout", responses=refusals(413))
async def check_out(listener: SignedIn, cloud: Cloud) -> CheckedOut:
    """End the open stay, wherever it is; being out already is fine."""
    return await cloud.database.write(_check_out, listener.profile_id, cloud.now())


@router.post("/votes", responses={**refusals(403, 404, 409, 413, 429), 202: {"model": Held}})
async def rate(body: Rating, login: LoggedIn, cloud: Cloud, response: Response) -> Rated | Held:
    """Rate a song, or with `player_id` alone the mix of the room."""
    value = vote_value(body.vote_value)
    song_id, player_id = (None if given is None else str(given) for given in (body.song_id, body.player_id))
    if song_id is None and player_id is None:
        raise Refused(422, "bad_vote", "song_id or player_id: say what is rated, a song or a room's mix")
    result = await cloud.database.write(_rate, login, song_id, player_id, value, cloud.now())
    if result["status"] == "held":
        response.status_code = 202
    return result


def _me(tx: Tx, listener: Listener, now_s: float) -> Me:
    profile_id = listener.profile_id
    profile = profiles.find(tx, profile_id)
    assert profile is not None, "it was found by its login"
    taste, rev = profiles.taste(tx, profile_id)
    stay = sessions.open_stay(tx, profile_id, now_s)
    return {
        "id": profile["id"],
        "email": profile["email"],
        "display_name": profile["display_name"],
        "preference_vector": list(taste.preference_vector),
        "taste_rev": rev,
        "votes": taste.votes,
        "roles": sorted(listener.roles),
        "session": None if stay is None else _stay(stay),
    }


def _check_in(tx: Tx, login: Login, player_id: str, signature: str, secret_key: str, now_s: float) -> CheckedIn:
    asked_player, asked_stay = players.asked(tx, player_id), sessions.open_stay_by_login(tx, login.auth_user_id, now_s)
    profile_id, player, stay = listener_of(tx, login, now_s).profile_id, asked_player.get(), asked_stay.get()
    if player is None:
        raise not_found("room", player_id)
    if stay is not None and stay["player_id"] == player_id:
        stay = sessions.extend(tx, stay, expiry_s(now_s), now_s)
    elif addresses.is_signed(player, secret_key, signature):
        stay = sessions.begin(tx, profile_id, player_id, now_s, expiry_s(now_s), now_s)
    else:
        raise Refused(403, "unsigned", "scan the sign in the room: this address is not, or no longer, on it")
    return {**_stay(stay), "room": player["name"], "here": sessions.here(tx, player_id, now_s)}


def _check_out(tx: Tx, profile_id: str, now_s: float) -> CheckedOut:
    stay = sessions.open_stay(tx, profile_id, now_s)
    if stay is None:
        return {"session_id": None, "status": "inactive"}
    sessions.end(tx, stay["id"], now_s, now_s)
    return {"session_id": stay["id"], "status": "inactive"}


def _rate(tx: Tx, login: Login, song_id: str | None, player_id: str | None, value: int, now_s: float) -> Rated | Held:
    counted = attempts.counted(tx, attempts.VOTE, login.auth_user_id, now_s)
    asked = voters.by_login(tx, login.auth_user_id, now_s)
    heard = rooms.heard_by_login(tx, login.auth_user_id, now_s - SOUNDED_WITHIN_S, now_s)
    past = look_back_by_login(tx, login.auth_user_id, song_id, now_s) if song_id else None
    voter = asked.get()
    if voter is None:
        raise login_gone() if login.issuer == ISSUER else _not_here()
    counted.get()
    room_id = _voters_room(voter, player_id)
    if not room_in_reach(voter.spoke_s, now_s):
        heard = rooms.heard_since(tx, room_id, now_s - rooms.KEEP_SCENES_S)
        return _hold(tx, _vote(voter, room_id, song_id, heard, value, now_s), now_s)
    vote = _vote(voter, room_id, song_id, heard, value, now_s)
    past = past or look_back(tx, vote)
    if not sounded(heard.get(), vote.song_id, now_s):
        _must_exist(tx, vote.song_id)
        raise _not_playing()
    learnt = cast(tx, vote, voter, past, now_s)
    return {
        "status": "applied",
        "vote_id": vote.vote_id,
        "song_id": vote.song_id,
        "vote_value": value,
        "preference_vector": list(learnt.taste.preference_vector),
        "taste_rev": learnt.taste_rev,
    }


def _voters_room(voter: Voter, player_id: str | None) -> str:
    if voter.stay is None or player_id not in (None, voter.stay["player_id"]):
        raise _not_here()
    return str(voter.stay["player_id"])


def _vote(
    voter: Voter, room_id: str, song_id: str | None, heard: Asked[list[Heard]], value: int, now_s: float
) -> NewVote:
    """The vote on the song named, or on the mix that sounded last."""
    mix = None
    if song_id is None:
        mix = newest_mix(heard.get(), now_s)
        if mix is None:
            raise _not_playing()
        song_id = loudest_of(mix.layers)
    assert song_id is not None
    return NewVote(
        vote_id=str(uuid4()),
        user_id=voter.profile_id,
        player_id=room_id,
        song_id=song_id,
        value=value,
        at_s=now_s,
        source="phone",
        scene_id=mix.scene_id if mix else None,
        layers=tuple(layer for layer in mix.layers if layer[1] > 0) if mix else (),
    )


def _hold(tx: Tx, vote: NewVote, now_s: float) -> Held:
    _must_exist(tx, vote.song_id)
    votes.hold(tx, vote, now_s)
    return {
        "status": "held",
        "vote_id": vote.vote_id,
        "song_id": vote.song_id,
        "vote_value": vote.value,
        "message": "the room cannot be reached just now: your vote counts when its box confirms what it played",
    }


def _must_exist(tx: Tx, song_id: str) -> None:
    if not songs.exists(tx, song_id):
        raise not_found("song", song_id)


def _not_here() -> Refused:
    return Refused(403, "not_here", "check in to the room first: only people in it can rate what it plays")


def _not_playing() -> Refused:
    return Refused(409, "not_playing", "this did not sound here in the last minute, so it cannot be rated")


def _stay(row: Row) -> Stay:
    return {
        "session_id": row["id"],
        "player_id": row["player_id"],
        "status": row["status"],
        "checked_in_at": to_seconds(row["checked_in_at"]),
        "expires_at": to_seconds(row["expires_at"]),
    }
