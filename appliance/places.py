"""Where each song stands in the queue, with staff's places put in."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.model import Queue, Rule
from mixer.scene import SongId


def places_of(queue: Queue, rules: Sequence[Rule]) -> dict[SongId, int]:
    """Each song's place from 1: the queue's order, and at once where staff placed one, whoever ranked the queue."""
    placed = {rule.song_id: rule.place or 1 for rule in rules if rule.kind == "place"}
    order = [entry.song_id for entry in queue.entries if entry.song_id not in placed]
    for song_id in sorted(placed, key=lambda song: placed[song]):
        order.insert(max(placed[song_id], 1) - 1, song_id)
    return {song_id: place for place, song_id in enumerate(order, start=1)}
