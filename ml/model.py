"""From 56 features to five tags: linear discriminants with shrunk covariance, a softmax, and a doubt about both.

A row of training labels that is all zeros stands for "none of the five"; with such rows the model can say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import IO, Literal, Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ml.errors import ModelError
from ml.features import FEATURES
from ml.tags import DIMENSIONS, TAGS, Vector

TEMPERATURE = 2.5  # softens probabilities to how often they are right
SURE = 0.5  # below this the song is neutral
SILENT = -1100.0  # a first coefficient below this is digital silence, about which there is nothing to say


@dataclass(frozen=True, slots=True)
class Embedding:
    """A song's five numbers, where they come from, and the largest probability of any tag."""

    vector: tuple[float, ...]
    source: Literal["model", "neutral"]
    confidence: float


@dataclass(frozen=True, slots=True)
class TagModel:
    """A linear model: `weights` (56, classes), `bias` (classes,), over features standardised by `mean`, `scale`."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    @classmethod
    def fit(cls, features: NDArray[np.floating], labels: NDArray[np.number]) -> Self:
        """Trained on features (n, 56) and one-hot labels (n, 5), or tag numbers (n,). Raises `ModelError`."""
        rows, classes = _checked(features, labels)
        mean, scale = rows.mean(axis=0), rows.std(axis=0)
        scale[scale < 1e-9] = 1.0
        standard = (rows - mean) / scale
        kinds = np.unique(classes)
        share = np.array([(classes == kind).mean() for kind in kinds])
        centres = np.array([standard[classes == kind].mean(axis=0) for kind in kinds])
        within = sum(
            part * shrunk_covariance(standard[classes == kind]) for kind, part in zip(kinds, share, strict=True)
        )
        weights = np.linalg.solve(within, centres.T)
        bias = np.log(share) - 0.5 * np.einsum("cf,fc->c", centres, weights)
        return cls(*(np.asarray(part, dtype=np.float32) for part in (weights, bias, mean, scale)))

    def probabilities(self, features: NDArray[np.floating]) -> Vector:
        """How likely each class is, for features (56,) or (n, 56): the five tags, then none if it was learnt."""
        standard = (np.asarray(features, dtype=np.float64) - self.mean) / self.scale
        logits = (standard @ self.weights + self.bias) / TEMPERATURE
        odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
        likely: Vector = odds / odds.sum(axis=-1, keepdims=True)
        return likely

    def embed(self, features: NDArray[np.floating] | Sequence[float]) -> Embedding:
        """The embedding of a sound with these features (56,); neutral zeros when no tag is sure enough.

        Raises `ModelError` when they are not 56 finite numbers.
        """
        values = np.asarray(features, dtype=np.float64)
        if values.shape != (FEATURES,) or not np.isfinite(values).all():
            raise ModelError(f"an embedding needs {FEATURES} finite features, got shape {values.shape}")
        likely = self.probabilities(values)[:DIMENSIONS]
        confidence = float(likely.max())
        if confidence < SURE or values[0] < SILENT:
            return Embedding((0.0,) * DIMENSIONS, "neutral", confidence)
        return Embedding(tuple(likely.tolist()), "model", confidence)

    def save(self, path: Path | str) -> None:
        """Writes the model as .npz, less than 4 KB. The same model gives the same bytes."""
        with Path(path).open("wb") as file:
            np.savez_compressed(file, weights=self.weights, bias=self.bias, mean=self.mean, scale=self.scale)

    @classmethod
    def load(cls, source: Path | str | IO[bytes]) -> Self:
        """Reads a model that `save` wrote. Raises `ModelError` when it is none."""
        try:
            raw = Path(source).read_bytes() if isinstance(source, str | Path) else source.read()
            with np.load(BytesIO(raw), allow_pickle=False) as stored:
                parts = [stored[name].astype(np.float32) for name in ("weights", "bias", "mean", "scale")]
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise ModelError(
                f"cannot read a tag model from {source} ({error}); make it with `cosound ml train`"
            ) from error
        if parts[0].shape[0] != FEATURES or parts[0].shape[1:] != parts[1].shape or len(parts[1]) < DIMENSIONS:
            raise ModelError(f"the tag model in {source} has the wrong shape; make it with `cosound ml train`")
        return cls(*parts)


def load_default() -> TagModel:
    """The model that comes with this package, trained on our own synthetic sounds. Raises `ModelError`."""
    shipped = files("ml") / "data" / "tags.npz"
    if not shipped.is_file():
        raise ModelError("the tag model ml/data/tags.npz is not there; make it with `cosound ml train`")
    with shipped.open("rb") as file:
        return TagModel.load(file)


def shrunk_covariance(rows: Vector) -> Vector:
    """The covariance (f, f) of rows (n, f), drawn towards independent features as far as so few rows ask for.

    Ledoit and Wolf's amount, found on the rows at unit variance.
    """
    spread = rows.std(axis=0)
    spread[spread < 1e-9] = 1.0
    unit = (rows - rows.mean(axis=0)) / spread
    count, width = unit.shape
    sample = unit.T @ unit / count
    level = float(np.trace(sample)) / width
    squares = np.square(unit)
    noise = float((squares.T @ squares).sum()) / count - float(np.square(sample).sum())
    distance = float(np.square(sample).sum()) - width * level * level
    amount = min(1.0, max(0.0, noise / count / distance)) if distance > 0 else 1.0
    shrunk = (1 - amount) * sample
    shrunk.flat[:: width + 1] += amount * level
    covariance: Vector = shrunk * np.outer(spread, spread)
    return covariance


def _checked(features: NDArray[np.floating], labels: NDArray[np.number]) -> tuple[Vector, NDArray[np.intp]]:
    """Features as float64 and the class of each row; the class after the last tag is none of them."""
    rows, given = np.asarray(features, dtype=np.float64), np.asarray(labels)
    if rows.ndim != 2 or rows.shape[1] != FEATURES or len(given) != len(rows) or not np.isfinite(rows).all():
        raise ModelError(
            f"training needs finite features (n, {FEATURES}) and n labels, got {rows.shape} and {given.shape}"
        )
    if given.ndim == 2 and given.shape[1] == DIMENSIONS:
        classes = np.where(given.any(axis=1), given.argmax(axis=1), DIMENSIONS)
    elif given.ndim == 1:
        classes = given.astype(np.intp)
    else:
        raise ModelError(f"labels are one-hot (n, {DIMENSIONS}) or numbers (n,), got {given.shape}")
    for number, tag in enumerate(TAGS):
        if (classes == number).sum() < 2:
            raise ModelError(f"training needs at least two sounds of every tag; {tag} has fewer")
    return rows, classes
