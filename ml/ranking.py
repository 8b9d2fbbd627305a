"""Which songs are best next: cosine distance to the room's direction, plus a penalty for what played lately."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from math import exp, isfinite
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.catalogue import Catalogue, Columns, Rows
from ml.tags import Vector, as_vector, normalised

PENALTY = 0.05
PENALTY_HOURS = 6.0
_DECIMALS = 12  # scores nearer than this are equal, and the id decides

Hours = Mapping[str, float] | Sequence[float] | NDArray[np.floating]


class Ranked(NamedTuple):
    """A song and why it stands where it stands: `score` = `distance` + `penalty`, smaller is better.

    A tuple, since sixteen dataclasses would take as long to make as the ranking of a thousand songs.
    """

    song_id: str
    kind: str
    distance: float
    penalty: float
    score: float
    reason: Literal["taste", "pin", "place", "rotation"] = "taste"


@dataclass(frozen=True, slots=True)
class QueueRule:
    """What staff wants of one song. `place` is the position in the queue, from 1."""

    song_id: str
    kind: Literal["pin", "skip", "ban", "place"]
    place: int | None = None


def penalty_of(hours: float) -> float:
    """What a play this many hours ago costs: 0.05 at once, 0.018 after six hours, nothing if it never played.

    A clock that went back (negative hours) counts as just now.
    """
    return PENALTY * exp(-max(hours, 0.0) / PENALTY_HOURS) if isfinite(hours) else 0.0


def recommend_with_penalty(
    catalogue: Catalogue,
    p_vec: Sequence[float] | NDArray[np.floating],
    *,
    limit: int = 5,
    hours_since_play: Hours | None = None,
    kind: str | None = None,
    allowed: Collection[str] | None = None,
    rules: Sequence[QueueRule] = (),
) -> list[Ranked]:
    """The `limit` songs with the smallest score, ties by id; exact for any size.

    `hours_since_play` is by song id, or one number per row of the catalogue (NaN or infinity: never). `kind` and
    `allowed` narrow the choice; of `rules` only skip and ban count here. A zero vector, the room's or a song's, is
    at distance 1. Raises `VectorError`.
    """
    direction = normalised(as_vector(p_vec))
    part = catalogue.part(kind, allowed)
    if limit <= 0 or not len(part):
        return []
    rows, extra = _penalties(catalogue, part, hours_by_song(catalogue, hours_since_play))
    barred = _rows_of(catalogue, part, barred_by(rules)) if rules else rows[:0]
    return _ranked(catalogue, part, direction, limit, rows, extra, barred[barred >= 0])


def barred_by(rules: Sequence[QueueRule]) -> set[str]:
    """The songs that staff skipped or banned."""
    return {rule.song_id for rule in rules if rule.kind in ("skip", "ban")}


def hours_by_song(catalogue: Catalogue, hours: Hours | None) -> Mapping[str, float]:
    """Hours since the last play by song id, only of those that played."""
    if hours is None:
        return {}
    if isinstance(hours, Mapping):
        return hours
    column = np.asarray(hours, dtype=np.float64)
    if column.shape != (len(catalogue),):
        raise ValueError(f"hours since play need one number per song ({len(catalogue)}), got {column.shape}")
    return {catalogue.song_ids[row]: float(column[row]) for row in np.flatnonzero(np.isfinite(column))}


def _penalties(catalogue: Catalogue, part: Columns, hours: Mapping[str, float]) -> tuple[Rows, Vector]:
    """What is added to which rows of the part; songs that are not in it are left out."""
    if not hours:
        return part.positions[:0], np.zeros(0)
    since = np.array(list(hours.values()), dtype=np.float64)
    cost = PENALTY * np.exp(np.maximum(np.where(np.isfinite(since), since, np.inf), 0.0) / -PENALTY_HOURS)
    rows = _rows_of(catalogue, part, hours)
    there = rows >= 0
    return rows[there], cost[there]


def _rows_of(catalogue: Catalogue, part: Columns, songs: Collection[str]) -> Rows:
    """The row of each song in the part; -1 for one that is not there."""
    position = catalogue.positions.get
    rows: Rows = part.places[np.array([position(song_id, -1) for song_id in songs], dtype=np.intp)]
    return rows


def _ranked(
    catalogue: Catalogue, part: Columns, direction: Vector, limit: int, rows: Rows, extra: Vector, barred: Rows
) -> list[Ranked]:
    touched, added = rows, extra
    if len(barred):
        touched, added = np.concatenate([rows, barred]), np.concatenate([extra, np.full(len(barred), np.inf)])
    looked_at = part.candidates(direction, limit, touched, added)
    distances = part.distances(direction, looked_at)
    penalties = _at(looked_at, touched, added, len(distances))
    best = _smallest(distances + penalties, limit)
    found = part.positions[looked_at][best].tolist()
    columns = (distances[best].tolist(), penalties[best].tolist(), (distances[best] + penalties[best]).tolist())
    names = ([catalogue.song_ids[row] for row in found], [catalogue.kinds[row] for row in found])
    return list(map(Ranked._make, zip(*names, *columns, repeat("taste"), strict=False)))


def _at(looked_at: Rows | slice, rows: Rows, extra: Vector, count: int) -> Vector:
    """What is added to each of the `count` rows that are looked at; they rise."""
    added = np.zeros(count)
    if isinstance(looked_at, slice):
        added[rows] = extra
    elif count:
        found = np.minimum(np.searchsorted(looked_at, rows), count - 1)
        there = looked_at[found] == rows
        added[found[there]] = extra[there]
    return added


def _smallest(scores: Vector, limit: int) -> Rows:
    """Indices of the `limit` smallest finite scores, in order; equal ones in the order they came (by id)."""
    if len(scores) > 4 * limit:
        near = np.flatnonzero(scores <= np.partition(scores, limit - 1)[limit - 1] + 10.0**-_DECIMALS)
        return near[_smallest(scores[near], limit)] if len(near) < len(scores) else _sorted(scores, limit)
    return _sorted(scores, limit)


def _sorted(scores: Vector, limit: int) -> Rows:
    rounded = np.round(scores, _DECIMALS)
    best = np.argsort(rounded, kind="stable")[:limit]
    return best[np.isfinite(rounded[best])]
