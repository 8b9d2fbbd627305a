"""Whose taste was missed lately, carried from one moment to the next: the memory behind fairness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp

import numpy as np
from numpy.typing import NDArray

from ml.collective import Present
from ml.prior import Prior
from ml.tags import DIMENSIONS, Vector, as_rows, normalised
from ml.taste import Rule, liking_weights

UNMET_MEMORY_S = 3600.0


def unmet_after(
    people: Sequence[Present],
    embeddings: Sequence[Sequence[float]] | NDArray[np.floating],
    audible: Sequence[float] | NDArray[np.floating],
    *,
    elapsed_s: float,
    rule: Rule = "bayes",
    prior: Prior | None = None,
) -> dict[str, float]:
    """Each listener's unmet share after `elapsed_s` of these songs (n, 5) sounding with these audible shares (n,).

    Positive: what sounded was liked less than the average of what is on offer; songs that are on offer but silent
    have the share 0, and neutral songs, which no taste can judge, count for neither. It forgets with a time
    constant of an hour, and time that goes backwards changes nothing.
    """
    songs = as_rows(embeddings)
    judged = songs.any(axis=1) if len(songs) else np.zeros(0, dtype=bool)
    heard = np.where(judged, np.maximum(np.nan_to_num(np.asarray(audible, dtype=np.float64)), 0.0), 0.0)
    total = float(heard.sum())
    if not people or not total or not elapsed_s > 0:
        return {person.profile_id: person.unmet for person in people}
    weights = liking_weights([person.taste for person in people], rule, prior)
    missed = _means(weights, songs, judged / judged.sum() - heard / total)
    keep = exp(-elapsed_s / UNMET_MEMORY_S)
    return {
        person.profile_id: keep * person.unmet + (1 - keep) * float(miss)
        for person, miss in zip(people, missed, strict=True)
    }


@dataclass(slots=True)
class UnmetMemory:
    """Everybody's unmet share in one room. Who leaves and is back within the hour finds theirs again.

    longest_s: no two looks are counted as further apart; what sounded in a longer pause nobody knows.
    """

    longest_s: float = 30.0
    _shares: dict[str, float] = field(default_factory=dict)
    _seen_s: dict[str, float] = field(default_factory=dict)
    _looked_s: float | None = None

    def of(self, profile_id: str) -> float:
        return self._shares.get(profile_id, 0.0)

    def recall(self, people: Sequence[Present], now_s: float) -> None:
        """Begin with what was known of them, as after a restart."""
        for person in people:
            self._shares[person.profile_id] = person.unmet
            self._seen_s[person.profile_id] = now_s

    def hear(
        self,
        people: Sequence[Present],
        embeddings: Sequence[Sequence[float]] | NDArray[np.floating],
        audible: Sequence[float] | NDArray[np.floating],
        now_s: float,
        *,
        rule: Rule = "bayes",
        prior: Prior | None = None,
    ) -> None:
        """These people heard these songs since the last call, as in `unmet_after`; `now_s` is any clock's seconds."""
        elapsed_s = 0.0 if self._looked_s is None else min(now_s - self._looked_s, self.longest_s)
        self._looked_s = now_s
        self._shares |= unmet_after(people, embeddings, audible, elapsed_s=elapsed_s, rule=rule, prior=prior)
        self._seen_s |= dict.fromkeys((person.profile_id for person in people), now_s)
        for profile_id in [one for one, seen_s in self._seen_s.items() if now_s - seen_s > UNMET_MEMORY_S]:
            del self._seen_s[profile_id]
            self._shares.pop(profile_id, None)


def _means(weights: Vector, songs: Vector, of_songs: Vector) -> Vector:
    sums: Vector = weights[:, :DIMENSIONS] @ (normalised(songs).T @ of_songs)
    sums += weights[:, DIMENSIONS] * of_songs.sum()
    return sums
