"""Decisions of a ledger folded into few bytes: what they share (songs, tastes, the crowd) is written once."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import numpy as np

from ml.belief import WIDTH
from ml.collective import Policy, Present
from ml.ledger import Decision, LedgerError
from ml.prior import Prior
from ml.taste import Rule, Taste

T = TypeVar("T")

DIGITS = 7  # of every number: enough to decide again, a third of the bytes
_UPPER = np.triu_indices(WIDTH)


@dataclass(slots=True)
class Leaf:
    """Takes decisions one by one and holds them as text; `size` is what they take before compression."""

    size: int = 0
    _parts: dict[str, int] = field(default_factory=dict)
    _rows: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, decision: Decision) -> None:
        songs = self._part([[song_id, _short(vector)] for song_id, vector in decision.songs])
        places = {song_id: row for row, (song_id, _) in enumerate(decision.songs)}
        row = {
            "at": round(decision.at_s, 1),
            "rule": decision.rule,
            "policy": decision.policy,
            "group": decision.min_group,
            "house": self._part(_short(decision.house)),
            "songs": songs,
            "chosen": [places[song_id] for song_id in decision.chosen if song_id in places],
            "people": [[self._taste(one), round(one.weight, 6), round(one.unmet, 6)] for one in decision.people],
            "prior": None if decision.prior is None else self._part(_belief_row(decision.prior)),
        }
        self._keep(self._rows, _json(row))

    def folded(self) -> bytes:
        """All of it, compressed."""
        text = f'{{"parts":[{",".join(self._parts)}],"rows":[{",".join(self._rows)}]}}'
        return zlib.compress(text.encode(), 9)

    def _taste(self, one: Present) -> int:
        return self._part([one.profile_id, _short(one.taste.preference_vector), _belief_row(one.taste)])

    def _part(self, value: Any) -> int:
        text = _json(value)
        if text not in self._parts:
            self._parts[text] = len(self._parts)
            self.size += len(text)
        return self._parts[text]

    def _keep(self, rows: list[str], text: str) -> None:
        rows.append(text)
        self.size += len(text)


def unfold(data: bytes) -> list[Decision]:
    """The decisions of a leaf, oldest first. Raises `LedgerError` when it is torn."""
    try:
        whole = json.loads(zlib.decompress(data))
        parts = whole["parts"]
        songs = _once(parts, lambda part: tuple((str(song_id), tuple(map(float, vector))) for song_id, vector in part))
        tastes = _once(parts, _whose)
        return [_decision(row, parts, songs, tastes) for row in whole["rows"]]
    except (zlib.error, KeyError, IndexError, TypeError, ValueError) as error:
        raise LedgerError(f"this leaf of the ledger is torn ({error!r:.80}); the others can still be read") from error


def _decision(
    row: dict[str, Any],
    parts: list[Any],
    songs_of: Callable[[int], tuple[tuple[str, tuple[float, ...]], ...]],
    whose: Callable[[int], tuple[str, Taste]],
) -> Decision:
    songs = songs_of(row["songs"])
    people = [(whose(part), weight, unmet) for part, weight, unmet in row["people"]]
    return Decision(
        at_s=float(row["at"]),
        rule=cast(Rule, row["rule"]),
        policy=cast(Policy, row["policy"]),
        min_group=int(row["group"]),
        house=tuple(map(float, parts[row["house"]])),
        people=tuple(Present(profile_id, taste, weight, unmet) for (profile_id, taste), weight, unmet in people),
        songs=songs,
        chosen=tuple(songs[place][0] for place in row["chosen"]),
        prior=None if row["prior"] is None else Prior.from_dict(_belief_dict(parts[row["prior"]])),
    )


def _whose(part: Any) -> tuple[str, Taste]:
    profile_id, vector, belief = part
    return str(profile_id), Taste.from_dict({"preference_vector": vector, **_belief_dict(belief)})


def _belief_row(belief: Taste | Prior) -> list[Any]:
    """Votes, mean, and the half of the precision that says it all."""
    upper = np.array(belief.precision).reshape(WIDTH, WIDTH)[_UPPER]
    return [belief.votes, _short(belief.mean), _short(upper.tolist())]


def _belief_dict(row: list[Any]) -> dict[str, Any]:
    votes, mean, upper = row
    matrix = np.zeros((WIDTH, WIDTH))
    matrix[_UPPER] = upper
    matrix.T[_UPPER] = upper
    return {"votes": votes, "mean": mean, "precision": matrix.ravel().tolist()}


def _short(numbers: tuple[float, ...] | list[float]) -> list[float]:
    return [float(f"{number:.{DIGITS}g}") for number in numbers]


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _once(parts: list[Any], read: Callable[[Any], T]) -> Callable[[int], T]:
    """Each part is read once, however many decisions share it."""
    seen: dict[int, T] = {}

    def of(number: int) -> T:
        if number not in seen:
            seen[number] = read(parts[number])
        return seen[number]

    return of
