"""The rules of a vote, pure: what is a vote value, did the song sound here, what does taste learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloud_stub.errors import Refused
from cloud_stub.repositories.rooms import Heard, Layers
from ml.tags import DIMENSIONS

SOUNDED_WITHIN_S = 60.0
ROOM_FRESH_S = 30.0
SAME_PLAY_S = 3600.0  # a bed's play is re-opened every hour


def vote_value(raw: Any) -> int:
    """A whole number 1 … 5 as JSON writes one; anything else is refused in one line."""
    if type(raw) is not int or not 1 <= raw <= 5:
        raise Refused(422, "bad_vote_value", "vote_value: give a whole number from 1 (no) to 5 (yes)")
    return raw


def room_in_reach(last_heartbeat_s: float | None, now_s: float) -> bool:
    """Whether the room's own word is young enough to judge a vote by."""
    return last_heartbeat_s is not None and now_s - last_heartbeat_s <= ROOM_FRESH_S


def sounded(heard: Sequence[Heard], song_id: str, vote_s: float) -> bool:
    """Whether the song was audible in the room within the minute before the vote."""
    return any(
        vote_s - SOUNDED_WITHIN_S <= scene.at_s <= vote_s and _share(scene.layers, song_id) > 0 for scene in heard
    )


def newest_mix(heard: Sequence[Heard], vote_s: float) -> Heard | None:
    """The newest scene before the vote in which something sounded; `heard` is newest first."""
    return next((scene for scene in heard if scene.at_s <= vote_s and loudest(scene.layers)), None)


def loudest(layers: Layers) -> str | None:
    """The layer with the largest audible share, ties by id; None for silence."""
    audible = [(share, song_id) for song_id, share in layers if share > 0]
    return min(audible, key=lambda layer: (-layer[0], layer[1]))[1] if audible else None


def mix_embedding(layers: Layers, embeddings: Mapping[str, Sequence[float] | None]) -> list[float]:
    """The share-weighted mean embedding (5,) of a mix; a neutral song (no embedding) counts as zeros."""
    total = sum(share for _, share in layers if share > 0)
    mean = [0.0] * DIMENSIONS
    for song_id, share in layers:
        if share > 0:
            vector = embeddings.get(song_id) or [0.0] * DIMENSIONS
            mean = [m + share / total * x for m, x in zip(mean, vector, strict=True)]
    return mean


def _share(layers: Layers, song_id: str) -> float:
    return next((share for song, share in layers if song == song_id), 0.0)
