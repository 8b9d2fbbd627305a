"""What a rating is about: the mix as it sounds, or one song that sounded here just now."""

from __future__ import annotations

import math
from collections.abc import Sequence

from appliance.errors import InputError, UnknownThing
from appliance.model import NEUTRAL, Vector, VoteSource
from appliance.store import Store
from appliance.store.outbox import wall_ms

Share = tuple[str, float]


def vote_on_mix(
    store: Store,
    profile_id: str,
    vote_value: int,
    scene: Sequence[Share],
    source: VoteSource = "screen",
) -> str:
    """Rate everything that sounds now; returns the vote's id, on disk.

    scene: (song_id, audible share) of each layer. The vote is stored on the layer with the largest share, the
    taste learns from the share-weighted mean of the layers' embeddings.
    Raises InputError when nothing sounds or the value is not 1 … 5, UnknownThing for a stranger.
    """
    heard = [(song_id, share) for song_id, share in scene if math.isfinite(share) and share > 0]
    if not heard:
        raise InputError("nothing is playing here right now: rate again when you hear something")
    loudest, _ = max(heard, key=lambda layer: layer[1])
    latest = store.scenes.latest()
    return store.people.record_vote(
        profile_id,
        loudest,
        vote_value,
        _mean_embedding(store, heard),
        scene_id=latest.id if latest else None,
        shares=_normalised(heard),
        source=source,
    )


def vote_on_song(store: Store, profile_id: str, vote_value: int, song_id: str, source: VoteSource = "screen") -> str:
    """Rate one song that sounded here within the last 60 s; returns the vote's id, on disk.

    Raises UnknownThing for a song that is not in the library, InputError for one that did not sound or a value
    that is not 1 … 5.
    """
    song = store.library.song(song_id)
    if song is None:
        raise UnknownThing(f"no song {song_id!r} in the library: rate what is playing here")
    if not store.scenes.sounded(song_id, wall_ms(store.clock)):
        raise InputError(f"{song.title} did not play here in the last minute: rate what you hear now")
    return store.people.record_vote(profile_id, song_id, vote_value, song.embedding, source=source)


def _normalised(heard: Sequence[Share]) -> list[Share]:
    total = sum(share for _, share in heard)
    return [(song_id, share / total) for song_id, share in heard]


def _mean_embedding(store: Store, heard: Sequence[Share]) -> Vector:
    """The mix as one vector. A song that left the library meanwhile has no say; nothing known is neutral."""
    known = [(song.embedding, share) for song_id, share in heard if (song := store.library.song(song_id))]
    total = sum(share for _, share in known)
    if not total:
        return NEUTRAL
    a, b, c, d, e = (sum(vector[axis] * share for vector, share in known) / total for axis in range(len(NEUTRAL)))
    return (a, b, c, d, e)
