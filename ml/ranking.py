"""Which songs are best next: cosine distance to the room's direction, plus a penalty for what played lately."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import exp, isfinite
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml.catalogue import Catalogue, Columns, Rows
from ml.tags import Vector, as_vector, normalised

PENALTY = 0.05
PENALTY_HOURS = 6.0
_DECIMALS = 12  # scores nearer than this are equal, and the id decides

Hours = Mapping[str, float] | Sequence[float] | NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A song and why it stands where it stands: `score` = `distance` + `penalty`, smaller is better."""

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
    extra = {song_id: penalty_of(h) for song_id, h in hours_by_song(catalogue, hours_since_play).items()}
    extra.update(dict.fromkeys(barred_by(rules), np.inf))
    return _ranked(catalogue, part, direction, limit, *_by_row(catalogue, part, extra))


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


def _by_row(catalogue: Catalogue, part: Columns, extra: Mapping[str, float]) -> tuple[Rows, Vector]:
    """What is added to which rows of the part; songs that are not in it are left out."""
    known = [(catalogue.positions[song_id], more) for song_id, more in extra.items() if song_id in catalogue.positions]
    if not known:
        return np.zeros(0, dtype=np.intp), np.zeros(0)
    positions = np.array([row for row, _ in known], dtype=np.intp)
    rows = np.minimum(np.searchsorted(part.positions, positions), len(part) - 1)
    there = part.positions[rows] == positions
    return rows[there], np.array([more for _, more in known])[there]


def _ranked(
    catalogue: Catalogue, part: Columns, direction: Vector, limit: int, rows: Rows, extra: Vector
) -> list[Ranked]:
    looked_at = part.candidates(direction, limit, rows, extra)
    penalties = np.zeros(len(part))
    penalties[rows] = extra
    distances, penalties = part.distances(direction, looked_at), penalties[looked_at]
    best = _smallest(distances + penalties, limit)
    columns = (part.positions[looked_at][best].tolist(), distances[best].tolist(), penalties[best].tolist())
    return [
        Ranked(catalogue.song_ids[row], catalogue.kinds[row], distance, penalty, distance + penalty)
        for row, distance, penalty in zip(*columns, strict=True)
    ]


def _smallest(scores: Vector, limit: int) -> Rows:
    """Indices of the `limit` smallest finite scores, in order; equal ones in the order they came (by id)."""
    rounded = np.round(scores, _DECIMALS)
    best = np.argsort(rounded, kind="stable")[:limit]
    return best[np.isfinite(rounded[best])]
