"""What the crowd likes: all votes of a venue pooled into one belief, the start of every taste when it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ml.belief import Belief, belief_from, features_of, rating_of
from ml.errors import VectorError
from ml.tags import Vector, as_vector

START_VOTES = 4.0  # how many votes the standard start counts as in the pool
FULL_VOTES = 20  # so many of one person's votes count in full


def crowd_weight(nth: int) -> float:
    """What someone's n-th vote (from 1) counts in the pool: 1 for the first 20, then ever less.

    A thousand votes of one person count as about a hundred: nobody is the crowd alone.
    """
    return min(1.0, FULL_VOTES / max(nth, 1))


@dataclass(frozen=True, slots=True)
class Prior:
    """Pooled votes as a belief. Pooling is commutative: the order of the votes does not matter."""

    mean: tuple[float, ...]
    precision: tuple[float, ...]
    votes: int

    @classmethod
    def default(cls) -> Self:
        """The crowd nobody has heard yet."""
        start = Belief.standard(START_VOTES)
        return cls(start.mean, start.precision, 0)

    def with_vote(self, embedding: Sequence[float] | NDArray[np.floating], vote: int, weight: float = 1.0) -> Prior:
        """The pool with one vote more. `weight` (0 … 1) lets a pool count someone's hundredth vote for less.

        Raises `VectorError` or `VoteError`.
        """
        rating, features = rating_of(vote), features_of(as_vector(embedding))
        belief = Belief(self.mean, self.precision).with_rating(features, rating, min(max(weight, 0.0), 1.0))
        return Prior(belief.mean, belief.precision, self.votes + 1)

    def without_vote(self, embedding: Sequence[float] | NDArray[np.floating], vote: int, weight: float = 1.0) -> Prior:
        """The pool less one of its votes, told as it was pooled. Raises `VectorError` or `VoteError`."""
        rating, features = rating_of(vote), features_of(as_vector(embedding))
        belief = Belief(self.mean, self.precision).without_rating(features, rating, min(max(weight, 0.0), 1.0))
        return Prior(belief.mean, belief.precision, self.votes - 1)

    def vector(self) -> Vector:
        """The crowd's mean, (6,): five tags and the constant."""
        return np.array(self.mean)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for JSON."""
        return {"mean": list(self.mean), "precision": list(self.precision), "votes": self.votes}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The pool from what `to_dict` gave. Raises `VectorError` when it is torn."""
        belief = belief_from(data)
        votes = data.get("votes", 0)
        if type(votes) is not int or votes < 0:
            raise VectorError(f"a stored crowd counts its votes from 0, got {votes!r}")
        return cls(belief.mean, belief.precision, votes)
