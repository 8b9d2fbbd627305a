"""A crowd of listeners with tastes of their own that nobody is told: they come, rate what they hear, and go.

The simulator asks them, and so does the demo. The model world is simple: how much someone likes a song is the cosine of
their taste and its embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from ml.tags import DIMENSIONS, Vector, as_rows, as_vector, normalised

World = Literal["spread", "camps", "aligned", "drift"]
WORLDS: tuple[World, ...] = ("spread", "camps", "aligned", "drift")

NOISE = 0.12  # how far a rating strays from the liking, of 0 … 1
DULL, DEAR = 0.15, 0.95  # cosines that are worth a 1 and a 5

_NAMES = (
    "Heron", "Wren", "Otter", "Fox", "Lark", "Badger", "Finch", "Hare", "Swift", "Marten", "Robin", "Newt", "Owl",
    "Vole", "Plover", "Stoat", "Dipper", "Hind", "Curlew", "Mole", "Linnet", "Lynx", "Tern", "Beaver", "Siskin",
    "Toad", "Avocet", "Shrew", "Kite", "Seal",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listener:
    """Someone with a name and a taste (5,), which only their ratings show."""

    name: str
    true_taste: tuple[float, ...]

    def liking(self, embeddings: Sequence[Sequence[float]] | NDArray[np.floating]) -> Vector:
        """How much they like each song (n, 5), 0 … 1: (n,). A neutral song is neither liked nor disliked."""
        songs = normalised(as_rows(embeddings))
        cosine = songs @ normalised(as_vector(self.true_taste))
        liked: Vector = np.clip((cosine - DULL) / (DEAR - DULL), 0, 1)
        return np.where(songs.any(axis=1), liked, 0.5)

    def rate(self, embedding: Sequence[float] | NDArray[np.floating], rng: np.random.Generator) -> int:
        """Their vote for a song, 1 … 5, a little by mood. Raises `VectorError`."""
        return vote_for(float(self.liking([as_vector(embedding).tolist()])[0]), rng)


@dataclass(frozen=True, slots=True)
class Crowd:
    """All who ever come to one place."""

    listeners: tuple[Listener, ...]

    @classmethod
    def of(cls, world: World = "spread", *, size: int = 30, seed: int = 0) -> Self:
        """A crowd whose tastes are spread, in two camps (70 : 30), or aligned; the same for the same seed."""
        rng = np.random.default_rng([seed, 71])
        tastes = _tastes(world, size, rng)
        return cls(tuple(Listener(name_of(i), tuple(taste.tolist())) for i, taste in enumerate(tastes)))

    def present(self, count: int, rng: np.random.Generator) -> list[int]:
        """Who is there at first: numbers of listeners, sorted."""
        return sorted(rng.choice(len(self.listeners), min(count, len(self.listeners)), replace=False).tolist())

    def after_churn(self, here: Sequence[int], rng: np.random.Generator) -> list[int]:
        """Who is there after one has left and another has come."""
        away = sorted(set(range(len(self.listeners))) - set(here))
        if not away or not here:
            return list(here)
        leaves, comes = int(rng.choice(list(here))), int(rng.choice(away))
        return sorted([*(number for number in here if number != leaves), comes])


def name_of(number: int) -> str:
    """A friendly name for the listener with this number: no two alike."""
    turn, which = divmod(number, len(_NAMES))
    return _NAMES[which] if turn == 0 else f"{_NAMES[which]} {turn + 1}"


def vote_for(liking: float, rng: np.random.Generator) -> int:
    """A vote 1 … 5 for something liked this much (0 … 1), a little by mood."""
    return int(np.clip(round(1 + 4 * (liking + rng.normal(0, NOISE))), 1, 5))


def _tastes(world: World, size: int, rng: np.random.Generator) -> Vector:
    if world in ("spread", "drift"):
        return rng.dirichlet(np.full(DIMENSIONS, 0.6), size)
    if world == "camps":
        other = rng.random(size) < 0.3
        mine = rng.dirichlet([4, 3, 0.3, 0.2, 0.2], size)
        return np.where(other[:, None], rng.dirichlet([0.2, 0.2, 0.2, 3, 4], size), mine)
    if world == "aligned":
        return rng.dirichlet([5, 3, 1, 1, 1], size)
    raise ValueError(f"the world is one of {', '.join(WORLDS)}, got {world!r}")
