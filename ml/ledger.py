"""The ledger: what was known at each decision, enough to decide it again under another rule.

One JSON object per line. A row holds the people present as they were, the songs on offer, the house's taste, the rule
in force and what was decided.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from ml.collective import POLICIES, Policy, Present, room_scores, room_vector
from ml.errors import MlError
from ml.prior import Prior
from ml.tags import Vector, as_rows, as_vector
from ml.taste import Rule, Taste


class LedgerError(MlError):
    """A line of a ledger cannot be read; the message says which."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision. `songs` are (id, embedding) in the order that was offered; `chosen` are ids, the best first."""

    at_s: float
    rule: Rule
    policy: Policy
    min_group: int
    house: tuple[float, ...]
    people: tuple[Present, ...]
    songs: tuple[tuple[str, tuple[float, ...]], ...]
    chosen: tuple[str, ...]
    prior: Prior | None = None

    def to_line(self) -> str:
        """This decision as one line of JSON."""
        row = {
            "at_s": self.at_s,
            "rule": self.rule,
            "policy": self.policy,
            "min_group": self.min_group,
            "house": list(self.house),
            "people": [
                {"id": p.profile_id, "taste": p.taste.to_dict(), "weight": p.weight, "unmet": p.unmet}
                for p in self.people
            ],
            "songs": [[song_id, list(vector)] for song_id, vector in self.songs],
            "chosen": list(self.chosen),
            "prior": self.prior.to_dict() if self.prior else None,
        }
        return json.dumps(row, allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_line(cls, line: str) -> Self:
        """The decision from its line. Raises `LedgerError`."""
        try:
            row = json.loads(line)
            return cls(
                at_s=float(row["at_s"]),
                rule=_one_of(row["rule"], ("bayes", "v1")),
                policy=_one_of(row["policy"], POLICIES),
                min_group=int(row["min_group"]),
                house=tuple(as_vector(row["house"]).tolist()),
                people=tuple(_person(person) for person in row["people"]),
                songs=tuple((str(song_id), tuple(as_vector(vector).tolist())) for song_id, vector in row["songs"]),
                chosen=tuple(str(song_id) for song_id in row["chosen"]),
                prior=Prior.from_dict(row["prior"]) if row.get("prior") else None,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise LedgerError(f"this is no decision ({error!r:.80}): {line[:60]}") from error


@dataclass(frozen=True, slots=True)
class Replayed:
    """A decision made again, and how much the room's wish differs (0 … 2).

    `then` is what sounded, which also had its turn, its rest and its place to think of; `wanted` is what its own rule
    liked best just then, and `now` what the other rule would have.
    """

    at_s: float
    then: tuple[str, ...]
    wanted: tuple[str, ...]
    now: tuple[str, ...]
    turned: float
    liking_then: float
    liking_now: float


def read_ledger(lines: Iterable[str]) -> Iterator[Decision]:
    """The decisions of a ledger; empty lines are skipped. Raises `LedgerError` with the line's number."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield Decision.from_line(line)
            except LedgerError as error:
                raise LedgerError(f"line {number}: {error}") from error


def replay(decision: Decision, *, rule: Rule | None = None, policy: Policy | None = None) -> Replayed:
    """The decision under another rule or policy (its own where none is given).

    Likings are the room's own under the replayed rule, averaged over the songs chosen then and those chosen now.
    """
    other = replace(decision, rule=rule or decision.rule, policy=policy or decision.policy)
    before, after = _wish(decision), _wish(other)
    wanted, liked = _likings(decision), _likings(other)
    now = _best(liked, len(decision.chosen))
    lengths = float(np.linalg.norm(before) * np.linalg.norm(after))
    return Replayed(
        at_s=decision.at_s,
        then=decision.chosen,
        wanted=_best(wanted, len(decision.chosen)),
        now=now,
        turned=max(0.0, 1 - float(before @ after) / lengths) if lengths else 0.0,
        liking_then=_mean(liked, decision.chosen),
        liking_now=_mean(liked, now),
    )


def _wish(decision: Decision) -> Vector:
    return room_vector(
        decision.people, decision.house, rule=decision.rule, policy=decision.policy, min_group=decision.min_group,
        prior=decision.prior,
    )  # fmt: skip


def _likings(decision: Decision) -> dict[str, float]:
    """The room's liking of every song on offer."""
    songs = as_rows([vector for _, vector in decision.songs])
    likings = room_scores(
        decision.people, songs, decision.house, rule=decision.rule, policy=decision.policy,
        min_group=decision.min_group, prior=decision.prior,
    )  # fmt: skip
    return dict(zip((song_id for song_id, _ in decision.songs), likings.tolist(), strict=True))


def _best(liked: dict[str, float], count: int) -> tuple[str, ...]:
    return tuple(sorted(liked, key=lambda song_id: (-liked[song_id], song_id))[:count])


def _mean(liked: dict[str, float], songs: Sequence[str]) -> float:
    known = [liked[song_id] for song_id in songs if song_id in liked]
    return sum(known) / len(known) if known else 0.0


def _person(row: dict[str, Any]) -> Present:
    return Present(str(row["id"]), Taste.from_dict(row["taste"]), float(row["weight"]), float(row["unmet"]))


def _one_of(value: Any, allowed: Sequence[Any]) -> Any:
    if value not in allowed:
        raise LedgerError(f"{value!r} is none of {', '.join(allowed)}")
    return value
