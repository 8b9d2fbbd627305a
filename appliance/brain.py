"""The box's own ranking, for when the cloud has been silent: the same rule on the songs that are ready."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.model import Rule, Song, Vector
from appliance.store import Store
from ml.catalogue import Catalogue
from ml.ranking import QueueRule
from ml.recommend import queue_for_room

STALE_QUEUE_S = 90.0
BEDS = 12
INSTRUMENTALS = 4


def refresh_queue(store: Store, songs: Sequence[Song], direction: Vector, rules: Sequence[Rule]) -> bool:
    """Replace the stored queue by our own when the cloud's is older than 90 s; True when it changed."""
    if store.room.queue().age_s < STALE_QUEUE_S or not songs:
        return False
    catalogue = Catalogue.from_rows([(song.id, song.kind, song.embedding) for song in songs])
    hours = {str(song): since for song, since in store.library.hours_since_play(store.clock.wall_s()).items()}
    ranked = queue_for_room(
        catalogue,
        direction,
        beds=BEDS,
        instrumentals=INSTRUMENTALS,
        rules=[QueueRule(rule.song_id, rule.kind, rule.place) for rule in rules],
        hours_since_play=hours,
    )
    return store.room.replace_queue([song.song_id for song in ranked], rev="", source="local")
