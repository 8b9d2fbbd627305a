"""What the server answers, for its description at `/openapi.json`: a shape for every success, one for all refusals."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict  # the standard one of Python 3.11 is not enough for pydantic

from sync.wire import QueueReply

Documented = dict[int | str, dict[str, Any]]


class Problem(TypedDict):
    """`error` is one word for programs, `message` one line for people."""

    error: str
    message: str


class TokenProblem(TypedDict):
    """The seeds' answer to a player token that opens nothing, to the letter."""

    success: Literal[False]
    error: str


class User(TypedDict):
    id: str
    email: str | None
    is_anonymous: bool


class LoggedIn(TypedDict):
    access_token: str
    token_type: Literal["bearer"]
    expires_in: int
    user: User


class Stay(TypedDict):
    """Moments are seconds since 1970."""

    session_id: str
    player_id: str
    status: Literal["active", "inactive"]
    checked_in_at: float
    expires_at: float


class Me(TypedDict):
    id: str
    email: str | None
    display_name: str
    preference_vector: list[float]
    taste_rev: int
    votes: int
    roles: list[str]
    session: Stay | None


class CheckedIn(Stay):
    room: str
    here: int


class CheckedOut(TypedDict):
    session_id: str | None
    status: Literal["inactive"]


class Rated(TypedDict):
    status: Literal["applied"]
    vote_id: str
    song_id: str
    vote_value: int
    preference_vector: list[float]
    taste_rev: int


class Held(TypedDict):
    """Accepted, and decided by the room's box once it can be reached."""

    status: Literal["held"]
    vote_id: str
    song_id: str
    vote_value: int
    message: str


class Layer(TypedDict):
    song_id: str
    title: str
    type: Literal["soundscape", "instrumental"]
    share: float


class Room(TypedDict):
    name: str
    here: int
    status: Literal["offline", "online", "playing", "idle"]
    layers: list[Layer]
    why: list[str]


class HandedOver(TypedDict):
    """`waiting`: for the word of the room's box, which has no line just now."""

    status: Literal["done", "waiting"]


class HandoverCode(TypedDict):
    """Six digits to type in at a room's touchscreen."""

    code: str
    expires_in: int


class PlayerToken(TypedDict):
    id: str
    token: str


class NamedToken(PlayerToken):
    name: str


class RoomAddress(TypedDict):
    """What stickers and signs carry: the room's address, signed."""

    id: str
    address: str


class ClaimCode(TypedDict):
    id: str
    code: str
    expires_in: int


class Player(TypedDict):
    id: str
    name: str
    status: Literal["offline", "online", "playing", "idle"]
    current_song_id: str | None
    last_poll: float | None
    manager_id: str | None
    here: int
    address: str
    queue_rev: int
    queue_ranked_at: float | None
    rev: int


class Song(TypedDict):
    id: str
    title: str
    artist: str | None
    file_url: str
    type: Literal["soundscape", "instrumental"]
    embedding: list[float] | None
    embedding_source: Literal["model", "hand", "neutral"]
    confidence: float | None
    duration: float | None
    bpm: int | None
    sha256: str
    byte_size: int
    loudness_lufs: float | None
    true_peak_dbtp: float | None
    loop_start: float | None
    loop_end: float | None
    loop_law: str | None
    loop_xfade_s: float | None
    key: str | None
    created_at: str
    updated_at: str


class OpLine(TypedDict):
    n: int
    op_id: str
    type: str
    status: str


class Play(TypedDict):
    """`seconds` is null while it sounds."""

    id: str
    player_id: str
    song_id: str
    played_at: str
    seconds: float | None
    op_id: str | None


class VoteLine(TypedDict):
    id: str
    user_id: str
    song_id: str
    vote_value: int
    vote_time: str
    player_id: str | None
    scene_id: str | None
    source: Literal["screen", "card", "phone"]
    op_id: str | None
    superseded_by: str | None


class StayLine(TypedDict):
    id: str
    user_id: str
    player_id: str
    checked_in_at: str
    expires_at: str
    ended_at: str | None
    status: Literal["active", "inactive"]


class QueueLine(TypedDict):
    id: str
    title: str
    type: Literal["soundscape", "instrumental"]
    position: int
    file_url: str
    sha256: str


class ManifestSong(TypedDict):
    """A song of a room's library; `file_url` answers a plain GET for an hour at least."""

    id: str
    title: str
    artist: str | None
    type: str
    sha256: str
    byte_size: int
    duration: float | None
    file_url: str


class Manifest(TypedDict):
    """A page of a room's library. `next`: what to ask behind for the next one; null at the end."""

    success: Literal[True]
    songs: list[ManifestSong]
    next: str | None


class RoomSettings(TypedDict):
    success: Literal[True]
    settings: dict[str, Any]


class Stored(TypedDict):
    success: Literal[True]


class Health(TypedDict):
    """`queue_age_s`: since all rooms were last ranked. `waiting`: answers held back, and pages that follow a room."""

    ok: bool
    database: bool
    storage: bool
    ranking: bool
    queue_age_s: float | None
    waiting: int


_RETRY = {"Retry-After": {"description": "seconds to wait", "schema": {"type": "integer"}}}
_WHY = {
    400: "It cannot be read.",
    401: "No login, or one that is not valid.",
    403: "Not for whoever asks.",
    404: "There is no such thing, or it is not theirs.",
    409: "Not as things stand.",
    410: "A token in an address is worthless; send it as a header.",
    413: "Too large.",
    422: "A value cannot be used.",
    429: "Too often.",
    503: "Not just now; nothing was stored.",
}
ALWAYS = (422, 503)


def refusals(*statuses: int) -> Documented:
    """For `responses=`: these statuses, each with the one shape that refusals have."""
    return {status: {"model": Problem, "description": _WHY[status], **_headers(status)} for status in statuses}


def _headers(status: int) -> dict[str, Any]:
    return {"headers": _RETRY} if status in (429, 503) else {}


FOR_BOXES: Documented = {
    401: {"model": TokenProblem, "description": "The player token opens nothing."},
    **refusals(413, 429),
}
NOT_MODIFIED: Documented = {304: {"description": "As the asker knows it."}}
QUEUE: Documented = {
    200: {"model": QueueReply, "description": "The queue; `wait` holds the answer back until it changes."},
    **NOT_MODIFIED,
    **{status: {"model": TokenProblem, "description": _WHY[status]} for status in (401, 410)},
    **{status: {"model": TokenProblem, "description": _WHY[status], "headers": _RETRY} for status in (429, 503)},
}
_BYTES = {"schema": {"type": "string", "format": "binary"}}
FILE: Documented = {
    200: {"description": "The file.", "content": {"audio/*": _BYTES}},
    206: {"description": "The part that was asked for.", "content": {"audio/*": _BYTES}},
    302: {"description": "A link to where the file is, which works for an hour or two."},
    **NOT_MODIFIED,
    **refusals(404),
    416: {"description": "The part that was asked for begins after the end."},
}
