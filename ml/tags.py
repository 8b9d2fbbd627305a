"""The five tags every vector is made of, and the two things done to any vector: check it, normalise it."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from ml.errors import VectorError

__all__ = ["DIMENSIONS", "TAGS", "TINY", "Vector", "VectorError", "as_rows", "as_vector", "normalised"]

TAGS = ("rain", "sea_waves", "thunderstorm", "wind", "crackling_fire")
DIMENSIONS = 5
TINY = 1e-12  # a shorter vector has no direction

Vector = NDArray[np.float64]


def as_vector(values: Sequence[float] | NDArray[np.floating]) -> Vector:
    """The values as float64, shape (5,), in the order of `TAGS`.

    Raises `VectorError` for a wrong length, something that is no number, NaN or infinity.
    """
    try:
        vector = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise VectorError(f"a vector needs {DIMENSIONS} numbers ({', '.join(TAGS)}), got {values!r:.60}") from error
    if vector.shape != (DIMENSIONS,):
        raise VectorError(f"a vector needs {DIMENSIONS} numbers ({', '.join(TAGS)}), got shape {vector.shape}")
    if not np.isfinite(vector).all():
        raise VectorError(f"a vector needs finite numbers, got {vector.tolist()}")
    return vector


def as_rows(values: Sequence[Sequence[float]] | NDArray[np.floating]) -> Vector:
    """Several vectors as float64, shape (n, 5); none at all gives (0, 5). Raises `VectorError` as above."""
    try:
        rows = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise VectorError(f"every vector needs {DIMENSIONS} numbers ({', '.join(TAGS)})") from error
    if rows.size == 0:
        return np.zeros((0, DIMENSIONS))
    if rows.ndim != 2 or rows.shape[1] != DIMENSIONS:
        raise VectorError(f"vectors need the shape (n, {DIMENSIONS}), got {rows.shape}")
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        raise VectorError(f"vector {int(np.argmin(finite))} has numbers that are not finite")
    return rows


def normalised(vector: NDArray[np.floating]) -> Vector:
    """Each vector along the last axis at length 1; one that has no direction becomes zeros."""
    wide = np.asarray(vector, dtype=np.float64)
    if wide.ndim == 1 and 1e-12 < (square := float(wide @ wide)) < 1e200:
        alone: Vector = wide / sqrt(square)
        return alone
    # Scaled by the largest number first, so that squares of huge numbers do not overflow.
    largest = np.abs(wide).max(axis=-1, keepdims=True)
    scaled = np.divide(wide, largest, out=np.zeros_like(wide), where=largest > TINY)
    length = np.sqrt((scaled * scaled).sum(axis=-1, keepdims=True))
    direction: Vector = np.divide(scaled, length, out=np.zeros_like(wide), where=length > 0)
    return direction
