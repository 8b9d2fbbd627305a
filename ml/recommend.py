"""The queue of a room: what staff placed, what the room's taste chose, and a turn for songs nobody can judge yet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray

from ml.catalogue import Catalogue
from ml.ranking import Hours, QueueRule, Ranked, barred_by, hours_by_song, penalty_of, recommend_with_penalty
from ml.tags import as_vector, normalised

__all__ = [
    "BED", "INSTRUMENTAL", "Catalogue", "Hours", "QueueRule", "Ranked", "penalty_of", "queue_for_room",
    "recommend_with_penalty",
]  # fmt: skip

BED, INSTRUMENTAL = "soundscape", "instrumental"
ROTATING_PART = 6  # one place in so many is kept for neutral songs, and at least one


def queue_for_room(
    catalogue: Catalogue,
    p_vec: Sequence[float] | NDArray[np.floating],
    *,
    beds: int = 12,
    instrumentals: int = 4,
    rules: Sequence[QueueRule] = (),
    hours_since_play: Hours | None = None,
    allowed: Collection[str] | None = None,
) -> list[Ranked]:
    """The songs to play in this room, best first: beds, then instrumentals, each ranked within its kind.

    Pinned songs come first in the order of their rules, placed ones stand at their position (from 1), skipped and
    banned ones are left out. Neutral songs, which no direction can rank, rotate: the longest unplayed first, in a
    sixth of the places. Pins and placed songs take places of their kind. Raises `VectorError`.
    """
    direction = as_vector(p_vec)
    hours = dict(hours_by_song(catalogue, hours_since_play))
    if allowed is not None:
        allowed = set(allowed)
    wanted = _staff_choices(catalogue, rules, allowed)
    free = {BED: beds, INSTRUMENTAL: instrumentals}
    for song_id in wanted:
        kind = catalogue.kinds[catalogue.positions[song_id]]
        free[kind] = free.get(kind, 0) - 1
    out = barred_by(rules) | set(wanted)
    ranked = [
        song
        for kind in (BED, INSTRUMENTAL)
        for song in _of_kind(catalogue, direction, kind, free[kind], hours, allowed, out)
    ]
    return _arranged(catalogue, direction, ranked, wanted, hours)


def _staff_choices(
    catalogue: Catalogue, rules: Sequence[QueueRule], allowed: Collection[str] | None
) -> dict[str, QueueRule]:
    """Pinned and placed songs that can play, by id. A ban or skip is stronger; the last rule on a song counts."""
    barred = barred_by(rules)
    return {
        rule.song_id: rule
        for rule in rules
        if rule.kind in ("pin", "place")
        and rule.song_id not in barred
        and rule.song_id in catalogue.positions
        and (allowed is None or rule.song_id in allowed)
    }


def _of_kind(
    catalogue: Catalogue,
    direction: NDArray[np.float64],
    kind: str,
    places: int,
    hours: dict[str, float],
    allowed: Collection[str] | None,
    out: set[str],
) -> list[Ranked]:
    """The best of one kind for its free places: by taste, with some places kept for neutral songs."""
    if places <= 0:
        return []
    neutral = _longest_unplayed(catalogue, kind, hours, allowed, out)
    bars = [QueueRule(song_id, "ban") for song_id in (*out, *neutral)]
    judged = recommend_with_penalty(
        catalogue, direction, limit=places, hours_since_play=hours, kind=kind, allowed=allowed, rules=bars
    )
    turns = max(1, places // ROTATING_PART) if neutral else 0
    turns = max(turns, places - len(judged))
    chosen = judged[: max(places - min(turns, len(neutral)), 0)]
    rotating = [_neutral(catalogue, song_id, hours) for song_id in neutral[:turns]]
    return [*chosen, *rotating]


def _longest_unplayed(
    catalogue: Catalogue, kind: str, hours: dict[str, float], allowed: Collection[str] | None, out: set[str]
) -> list[str]:
    """Neutral songs of this kind, those that never played first, then by how long ago they did."""
    part = catalogue.part(kind, allowed)
    silent = part.positions[~part.exact.any(axis=0)]
    ids = [catalogue.song_ids[row] for row in silent]
    return sorted((song_id for song_id in ids if song_id not in out), key=lambda s: (-_waited(hours, s), s))


def _waited(hours: dict[str, float], song_id: str) -> float:
    since = hours.get(song_id, inf)
    return since if isfinite(since) else inf


def _neutral(catalogue: Catalogue, song_id: str, hours: dict[str, float]) -> Ranked:
    kind = catalogue.kinds[catalogue.positions[song_id]]
    penalty = penalty_of(hours.get(song_id, inf))
    return Ranked(song_id, kind, 1.0, penalty, 1.0 + penalty, "rotation")


def _arranged(
    catalogue: Catalogue,
    direction: NDArray[np.float64],
    ranked: list[Ranked],
    wanted: dict[str, QueueRule],
    hours: dict[str, float],
) -> list[Ranked]:
    """Pins in front, then the ranked songs, and placed songs put in from the first position to the last."""
    staff = {song_id: _ranked_alone(catalogue, direction, song_id, hours) for song_id in wanted}
    pins = [staff[s]._replace(reason="pin") for s, rule in wanted.items() if rule.kind == "pin"]
    queue = [*pins, *ranked]
    placed = [(rule.place or 1, s) for s, rule in wanted.items() if rule.kind == "place"]
    for place, song_id in sorted(placed):
        queue.insert(max(place, 1) - 1, staff[song_id]._replace(reason="place"))
    return queue


def _ranked_alone(
    catalogue: Catalogue, direction: NDArray[np.float64], song_id: str, hours: dict[str, float]
) -> Ranked:
    found = recommend_with_penalty(catalogue, normalised(direction), limit=1, hours_since_play=hours, allowed=[song_id])
    return found[0]
