"""The songs a ranking looks at, laid out for speed: one float32 column per tag, and block minima to skip most rows."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ml.tags import DIMENSIONS, Vector, as_rows, as_vector, normalised

Rows = NDArray[np.intp]

BLOCK = 128
SMALL = 4096  # so few rows are looked at exactly, all of them
MARGIN = 4e-6  # float32 distances are this near the exact ones; the exact ones decide


@dataclass(eq=False)
class Columns:
    """Some rows of a catalogue, in order of their id, with their directions as columns (5, n)."""

    positions: Rows
    exact: Vector  # (5, n) float64, each column of length 1 or 0
    places: Rows  # of every row of the catalogue, its row here or -1; and -1 once more, for a song that is in neither

    @cached_property
    def rough(self) -> NDArray[np.float32]:
        """The same in half the memory, for the first look at a large catalogue."""
        return self.exact.astype(np.float32)

    def __len__(self) -> int:
        return len(self.positions)

    def distances(self, direction: Vector, rows: Rows | slice) -> Vector:
        """Exact cosine distances of some rows, summed tag by tag, so that a row's value never depends on its place."""
        near: Vector = np.add.reduce(direction[:, None] * self.exact[:, rows], axis=0)
        return 1.0 - near

    def candidates(self, direction: Vector, count: int, rows: Rows, extra: Vector) -> Rows | slice:
        """Rows that may be among the `count` best when `extra` (≥ 0) is added to these `rows`: all that may be."""
        if len(self) <= max(count, SMALL):
            return slice(None)
        scores = np.dot(-direction.astype(np.float32), self.rough)  # less by one than the distances
        scores[rows] += extra.astype(np.float32)
        return _lowest(scores, count)


def _lowest(scores: NDArray[np.float32], count: int) -> Rows:
    """Every row whose score may be one of the `count` smallest, up to `MARGIN`; they rise."""
    lanes = len(scores) // BLOCK
    if lanes < 4 * count:
        least = scores[np.argpartition(scores, count - 1)[count - 1]]
        return np.flatnonzero(scores <= least + np.float32(MARGIN))
    whole = lanes * BLOCK
    # A block is every so-manieth row, not a run of them: its minimum is then taken along the memory.
    minima = scores[:whole].reshape(BLOCK, lanes).min(axis=0)
    # At least `count` rows are no larger than the count-th smallest block minimum.
    bound = np.partition(minima, count - 1)[count - 1] + np.float32(MARGIN)
    blocks = np.flatnonzero(minima <= bound)
    rows = np.concatenate([(np.arange(BLOCK)[:, None] * lanes + blocks).ravel(), np.arange(whole, len(scores))])
    lowest: Rows = rows[scores[rows] <= bound]
    return lowest


@dataclass(eq=False)
class Catalogue:
    """Songs sorted by id: `song_ids`, `kinds` and `embeddings` (n, 5) belong together by row.

    Never changed in place: `with_song` and `without` give the next one. Build it with `from_rows`.
    """

    song_ids: list[str]
    kinds: list[str]
    embeddings: Vector
    _parts: dict[str | None, Columns] = field(default_factory=dict, repr=False)

    @classmethod
    def from_rows(cls, rows: Iterable[Any]) -> Self:
        """From (song_id, kind, embedding) triples or mappings with `id`/`song_id`, `kind`/`type`, `embedding`.

        A missing embedding is neutral. A song named twice keeps its last row. Raises `VectorError`.
        """
        latest = {song_id: (kind, embedding) for song_id, kind, embedding in map(_triple, rows)}
        ids = sorted(latest)
        neutral = [0.0] * DIMENSIONS
        vectors = [neutral if latest[song_id][1] is None else latest[song_id][1] for song_id in ids]
        return cls(ids, [latest[song_id][0] for song_id in ids], as_rows(vectors))

    def __len__(self) -> int:
        return len(self.song_ids)

    @cached_property
    def positions(self) -> dict[str, int]:
        """The row of each song id."""
        return {song_id: row for row, song_id in enumerate(self.song_ids)}

    @cached_property
    def directions(self) -> Vector:
        """Embeddings at length 1, (n, 5); neutral songs are zeros."""
        return normalised(self.embeddings) if len(self) else self.embeddings

    def with_song(self, song_id: str, kind: str, embedding: Sequence[float] | None) -> Catalogue:
        """This catalogue with one song added or changed."""
        rest = self.without(song_id)
        vector = np.zeros(DIMENSIONS) if embedding is None else as_vector(embedding)
        row = bisect_left(rest.song_ids, song_id)
        ids = [*rest.song_ids[:row], song_id, *rest.song_ids[row:]]
        kinds = [*rest.kinds[:row], kind, *rest.kinds[row:]]
        return Catalogue(ids, kinds, np.insert(rest.embeddings, row, vector, axis=0))

    def without(self, song_id: str) -> Catalogue:
        """This catalogue less one song; the same when it is not there."""
        row = self.positions.get(song_id)
        if row is None:
            return self
        ids, kinds = list(self.song_ids), list(self.kinds)
        del ids[row], kinds[row]
        return Catalogue(ids, kinds, np.delete(self.embeddings, row, axis=0))

    def part(self, kind: str | None, allowed: Collection[str] | None = None) -> Columns:
        """The rows of one kind (all when None), or those of them that are allowed; whole kinds are kept for reuse."""
        if allowed is not None:
            rows = sorted(self.positions[song_id] for song_id in set(allowed) if song_id in self.positions)
            return self._columns([row for row in rows if kind is None or self.kinds[row] == kind])
        if kind not in self._parts:
            every = enumerate(self.kinds)
            self._parts[kind] = self._columns([row for row, its in every if kind is None or its == kind])
        return self._parts[kind]

    def _columns(self, rows: list[int]) -> Columns:
        positions = np.array(rows, dtype=np.intp)
        places = np.full(len(self) + 1, -1, dtype=np.intp)
        places[positions] = np.arange(len(positions))
        return Columns(positions, np.ascontiguousarray(self.directions[positions].T), places)


def _triple(row: Any) -> tuple[str, str, Any]:
    if isinstance(row, Mapping):
        song_id = row["song_id"] if "song_id" in row else row["id"]
        kind = row["kind"] if "kind" in row else row["type"]
        return str(song_id), str(kind), row.get("embedding")
    song_id, kind, embedding = row
    return str(song_id), str(kind), embedding
