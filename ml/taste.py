"""What one listener likes, learnt from votes.

Two states advance with every vote: the V1 vector (which `profiles.preference_vector` always holds) and a Bayesian
belief. The belief is stored as if it had begun from the standard start, so learning never needs the crowd; what the
crowd likes (`Prior`) is put in its place when the taste is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from ml.belief import STANDARD_MEAN, WIDTH, Belief, belief_from, features_of, rating_of
from ml.errors import VectorError, VoteError
from ml.prior import Prior
from ml.tags import DIMENSIONS, Vector, as_rows, as_vector, normalised

__all__ = [
    "Prior", "Rule", "Taste", "VectorError", "VoteError", "expected_liking", "learn", "liking",
    "liking_weights", "merge", "v1_learn",
]  # fmt: skip

Rule = Literal["bayes", "v1"]

START_VOTES = 3.0  # how many votes the start of a taste counts as
LIKE_STEP = 0.12
DISLIKE_SHARE = 0.7
SOFT_EDGE = 0.1  # expected liking bends towards 0 and 1 over this much, so that order is never lost


@dataclass(frozen=True, slots=True)
class Taste:
    """One listener's taste. `preference_vector` is always the V1 vector; `mean` and `precision` the belief."""

    preference_vector: tuple[float, ...]
    mean: tuple[float, ...]
    precision: tuple[float, ...]
    votes: int

    @classmethod
    def newcomer(cls) -> Self:
        """Someone who never voted: no V1 direction, and the standard belief."""
        start = Belief.standard(START_VOTES)
        return cls((0.0,) * DIMENSIONS, start.mean, start.precision, 0)

    @classmethod
    def from_preference(cls, vector: Sequence[float]) -> Taste:
        """A taste known only by its V1 vector (an imported profile): the belief counts it as one full like."""
        direction = normalised(as_vector(vector))
        if not direction.any():
            return cls.newcomer()
        liked = learn(cls.newcomer(), direction.tolist(), 5)
        return replace(liked, preference_vector=tuple(direction.tolist()))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The taste from what `to_dict` gave, bit for bit. Raises `VectorError` when it is torn."""
        belief = belief_from(data)
        vector = as_vector(data.get("preference_vector", ()))
        votes = data.get("votes", 0)
        if not isinstance(votes, int) or votes < 0:
            raise VectorError(f"a stored taste counts its votes from 0, got {votes!r}")
        return cls(tuple(vector.tolist()), belief.mean, belief.precision, votes)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for JSON; the same taste gives the same text."""
        return {
            "preference_vector": list(self.preference_vector),
            "mean": list(self.mean),
            "precision": list(self.precision),
            "votes": self.votes,
        }

    def vector(self, rule: Rule = "bayes", prior: Prior | None = None) -> Vector:
        """The direction this listener wants, (5,) at length 1.

        A newcomer has none under `v1` (zeros) and the crowd's under `bayes`.
        """
        weights = liking_weights([self], rule, prior)[0, :DIMENSIONS]
        return normalised(weights)

    def has_say(self, rule: Rule = "bayes") -> bool:
        """Whether this listener's own votes say anything under the rule."""
        return any(self.preference_vector) if rule == "v1" else self.votes > 0


def learn(taste: Taste, embedding: Sequence[float] | NDArray[np.floating], vote: int) -> Taste:
    """The taste after one vote (1 … 5) on a song with this embedding (5,). Both states advance.

    Raises `VectorError` for a bad embedding, `VoteError` for a bad vote.
    """
    rating = rating_of(vote)
    song = as_vector(embedding)
    preference = v1_learn(np.array(taste.preference_vector), song, vote)
    belief = Belief(taste.mean, taste.precision).with_rating(features_of(song), rating)
    return Taste(tuple(preference.tolist()), belief.mean, belief.precision, taste.votes + 1)


def v1_learn(
    preference: Sequence[float] | NDArray[np.floating],
    embedding: Sequence[float] | NDArray[np.floating],
    vote: int,
) -> Vector:
    """The V1 rule: votes 5 4 3 2 1 are a full like, half a like, nothing, half a dislike, a full dislike."""
    strength = rating_of(vote) * 2 - 1
    u, s = normalised(as_vector(preference)), normalised(as_vector(embedding))
    step = LIKE_STEP * abs(strength)
    if strength > 0:
        return normalised((1 - step) * u + step * s)
    if strength < 0:
        return normalised(u - step * DISLIKE_SHARE * float(u @ s) * s)
    return u


def merge(a: Taste, b: Taste) -> Taste:
    """The taste of one person who was kept as two; the order of the two does not matter."""
    if b == Taste.newcomer():
        return a
    if a == Taste.newcomer():
        return b
    belief = Belief(a.mean, a.precision).joined(Belief(b.mean, b.precision), START_VOTES)
    mine = normalised(np.array(a.preference_vector)) * max(a.votes, 1)
    theirs = normalised(np.array(b.preference_vector)) * max(b.votes, 1)
    preference = normalised(mine + theirs)
    return Taste(tuple(preference.tolist()), belief.mean, belief.precision, a.votes + b.votes)


def liking_weights(tastes: Sequence[Taste], rule: Rule = "bayes", prior: Prior | None = None) -> Vector:
    """One row per taste, (m, 6): expected liking of a song is the row times (embedding at length 1, 1)."""
    if rule == "v1":
        rows = np.array([taste.preference_vector for taste in tastes]).reshape(-1, DIMENSIONS)
        return np.hstack([normalised(rows) / 2, np.full((len(rows), 1), 0.5)])
    if rule != "bayes":
        raise ValueError(f"the taste rule is `bayes` or `v1`, got {rule!r}")
    means = np.array([taste.mean for taste in tastes]).reshape(-1, WIDTH)
    if prior is None or prior.votes == 0 or not len(means):
        return means
    matrices = np.array([taste.precision for taste in tastes]).reshape(-1, WIDTH, WIDTH)
    shift = START_VOTES * (prior.vector() - np.array(STANDARD_MEAN))
    return means + np.linalg.solve(matrices, np.broadcast_to(shift[:, None], (len(means), WIDTH, 1)))[..., 0]


def liking(weights: Vector, embeddings: Vector) -> Vector:
    """Expected liking 0 … 1 for rows of weights (…, 6) and songs (n, 5): (…, n). Bent, never cut, at both ends."""
    songs = normalised(embeddings)
    raw = weights[..., :DIMENSIONS] @ songs.T + weights[..., DIMENSIONS:]
    bent = SOFT_EDGE * np.tanh((raw - np.clip(raw, SOFT_EDGE, 1 - SOFT_EDGE)) / SOFT_EDGE)
    return np.clip(raw, SOFT_EDGE, 1 - SOFT_EDGE) + bent


def expected_liking(
    taste: Taste,
    embeddings: Sequence[Sequence[float]] | NDArray[np.floating],
    rule: Rule = "bayes",
    prior: Prior | None = None,
) -> Vector:
    """How much this listener is expected to like each song, 0 … 1, for embeddings (n, 5): (n,)."""
    weights = liking_weights([taste], rule, prior)[0]
    return liking(weights, as_rows(embeddings))
