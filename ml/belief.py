"""A linear belief about liking: r = w·s + c, where s is a song's embedding at length 1 and r is 0 … 1.

Held as mean and precision of a Gaussian. Every vote adds one outer product and moves the mean: O(1), six numbers wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.errors import VectorError, VoteError
from ml.tags import DIMENSIONS, Vector, as_vector, normalised

WIDTH = DIMENSIONS + 1  # five tags and the constant
LARGEST_MEAN, MOST_VOTES = 1e3, 1e9  # beyond these a stored belief is torn, not extreme

# Before any vote: everything is liked a little below the middle, and what mixes tags a little more. Small on purpose:
# where no crowd is known, larger tag weights would drown a few clear votes in what mixes everything.
STANDARD_MEAN = (0.15,) * DIMENSIONS + (0.25,)


@dataclass(frozen=True, slots=True)
class Belief:
    """`mean` has 6 numbers (five tags, constant), `precision` the 36 of a symmetric matrix, row by row."""

    mean: tuple[float, ...]
    precision: tuple[float, ...]

    @classmethod
    def standard(cls, strength: float) -> Belief:
        """The belief before any vote; `strength` counts in votes."""
        return cls(STANDARD_MEAN, tuple((np.eye(WIDTH) * strength).ravel().tolist()))

    def matrix(self) -> Vector:
        """The precision, shape (6, 6)."""
        return np.array(self.precision).reshape(WIDTH, WIDTH)

    def with_rating(self, features: Vector, rating: float, weight: float = 1.0) -> Belief:
        """The belief after one rating (0 … 1) of a song with these features (6,), counted `weight` times."""
        matrix = self.matrix() + weight * np.outer(features, features)
        mean = np.array(self.mean)
        surprise = rating - float(mean @ features)
        mean += np.linalg.solve(matrix, features) * (weight * surprise)
        return _belief(mean, matrix)

    def without_rating(self, features: Vector, rating: float, weight: float = 1.0) -> Belief:
        """The belief as if that rating had never been given: takes back what `with_rating` did, up to rounding."""
        matrix = self.matrix() - weight * np.outer(features, features)
        mean = np.array(self.mean)
        surprise = rating - float(mean @ features)
        mean -= np.linalg.solve(matrix, features) * (weight * surprise)
        return _belief(mean, matrix)

    def joined(self, other: Belief, strength: float) -> Belief:
        """Both beliefs' ratings together, their common start of `strength` counted once."""
        matrix = self.matrix() + other.matrix() - strength * np.eye(WIDTH)
        pull = self.matrix() @ np.array(self.mean) + other.matrix() @ np.array(other.mean)
        pull -= strength * np.array(STANDARD_MEAN)
        return _belief(np.linalg.solve(matrix, pull), matrix)


def _belief(mean: Vector, matrix: Vector) -> Belief:
    return Belief(tuple(mean.tolist()), tuple(matrix.ravel().tolist()))


def features_of(embedding: Vector) -> Vector:
    """A song's embedding (5,) at length 1, and the constant: (6,)."""
    return np.append(normalised(as_vector(embedding)), 1.0)


def rating_of(vote: int) -> float:
    """A vote of 1 … 5 as 0 … 1. Raises `VoteError` for anything else."""
    whole = isinstance(vote, int | np.integer) and not isinstance(vote, bool)
    if not whole or not 1 <= vote <= 5:
        raise VoteError(f"a vote is a whole number from 1 (not for me) to 5 (love it), got {vote!r}")
    return (int(vote) - 1) / 4


def belief_from(data: dict[str, Any]) -> Belief:
    """A belief from its JSON form. Raises `VectorError` when it is torn, not finite, or no belief at all."""
    try:
        mean = tuple(float(number) for number in data["mean"])
        precision = tuple(float(number) for number in data["precision"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise VectorError("a stored taste needs the numbers `mean` and `precision`; start it anew") from error
    if (len(mean), len(precision)) != (WIDTH, WIDTH * WIDTH) or not np.isfinite(mean + precision).all():
        raise VectorError(
            f"a stored taste needs {WIDTH} and {WIDTH * WIDTH} finite numbers, got {len(mean)} and {len(precision)}"
        )
    belief = Belief(mean, precision)
    if max(map(abs, mean)) > LARGEST_MEAN or not _is_precision(belief.matrix()):
        raise VectorError("a stored taste holds numbers that no votes can have led to; start it anew")
    return belief


def _is_precision(matrix: Vector) -> bool:
    """Symmetric, positive definite, and of a size that votes can reach."""
    largest = float(np.abs(matrix).max())
    if largest > MOST_VOTES or float(np.abs(matrix - matrix.T).max()) > 1e-5 * largest:
        return False
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True
