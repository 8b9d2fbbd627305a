"""From the people present to one taste of the room.

Everyone's pull is a share of 1: presence (it fades at the end of a stay) times fairness (who got little lately gets
more). What the people do not fill — a room emptier than `min_group` — belongs to the house.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml.fairness import cone_centre, fair_weights, shares_of
from ml.prior import Prior
from ml.tags import DIMENSIONS, Vector, as_rows, as_vector, normalised
from ml.taste import Rule, Taste, liking, liking_weights

__all__ = [
    "POLICIES", "Policy", "Present", "has_wishes", "presence_weight", "room_scores", "room_vector",
]  # fmt: skip

Policy = Literal["mean", "least_misery", "turns"]
POLICIES: tuple[Policy, ...] = ("mean", "least_misery", "turns")

FADE_S = 600.0
_ROWS_AT_ONCE = 1_000_000  # likings held in memory at a time: 8 MB


@dataclass(frozen=True, slots=True)
class Present:
    """Someone in the room. `weight` 0 … 1 is presence; `unmet` is what lately missed their taste (`ml.unmet`)."""

    profile_id: str
    taste: Taste
    weight: float = 1.0
    unmet: float = 0.0


@dataclass(frozen=True, slots=True)
class _Room:
    weights: Vector  # liking weights (m, 6) of those with a say
    presence: Vector  # (m,) 0 … 1
    shares: Vector  # (m,), their sum at most 1
    house: Vector  # liking weights (6,)
    house_share: float

    def combined(self) -> Vector:
        pull: Vector = self.shares @ self.weights + self.house_share * self.house
        return pull


def room_vector(
    people: Sequence[Present],
    house: Sequence[float] | NDArray[np.floating],
    *,
    rule: Rule = "bayes",
    policy: Policy = "mean",
    min_group: int = 1,
    prior: Prior | None = None,
) -> Vector:
    """The direction the room wants, (5,): never NaN; the house's when nobody has a say yet.

    `rule="v1"` with the policy `mean` gives the plain average of the vectors of those with one. Under `bayes` the
    length is 1. `prior` is what the crowd likes; with it, newcomers among others count as the crowd does.
    """
    home = as_vector(house)
    room = _room(people, home, rule, policy, min_group, prior)
    if room is None:
        return home
    pull = room.combined()[:DIMENSIONS]
    direction = 2 * pull if rule == "v1" else normalised(pull)
    return direction if np.abs(direction).max() > 1e-9 else home


def room_scores(
    people: Sequence[Present],
    embeddings: Sequence[Sequence[float]] | NDArray[np.floating],
    house: Sequence[float] | NDArray[np.floating],
    *,
    rule: Rule = "bayes",
    policy: Policy = "mean",
    min_group: int = 1,
    prior: Prior | None = None,
) -> Vector:
    """How much the room is expected to like each song, 0 … 1, for embeddings (n, 5): (n,)."""
    songs, home = as_rows(embeddings), as_vector(house)
    room = _room(people, home, rule, policy, min_group, prior)
    if room is None:
        return liking(_house_weights(home), songs)
    scores = liking(room.combined(), songs)
    if policy == "least_misery":
        say = room.shares.sum() / min_group
        scores = (1 - say) * scores + say * _misery(room, songs)
    return scores


def presence_weight(remaining_s: float, fade_s: float = FADE_S) -> float:
    """How much someone counts who has `remaining_s` of their stay left: 1, fading over the last `fade_s` to 0."""
    if not remaining_s > 0:
        return 0.0
    return 1.0 if remaining_s >= fade_s else remaining_s / fade_s


def has_wishes(people: Sequence[Present], rule: Rule = "bayes") -> bool:
    """Whether anybody present has a say; if not, the room is the house's."""
    return any(person.weight > 0 and person.taste.has_say(rule) for person in people)


def _room(
    people: Sequence[Present], house: Vector, rule: Rule, policy: Policy, min_group: int, prior: Prior | None
) -> _Room | None:
    """Those with a say and their shares; None when nobody present has one."""
    if policy not in POLICIES:
        raise ValueError(f"the policy is one of {', '.join(POLICIES)}, got {policy!r}")
    if min_group < 1:
        raise ValueError(f"min_group counts people and starts at 1, got {min_group}")
    here = [person for person in people if person.weight > 0]
    if not has_wishes(here, rule):
        return None
    speaking = [person for person in here if person.taste.has_say(rule)]
    if rule == "bayes" and prior is not None and prior.votes:
        speaking = here
    speaking.sort(key=lambda person: person.profile_id)  # so that the order of arrival never decides a tie
    weights = liking_weights([person.taste for person in speaking], rule, prior)
    presence = np.clip([person.weight for person in speaking], 0.0, 1.0)
    # The V1 rule knows no fairness: its mean is the plain average by presence.
    fair = not (rule == "v1" and policy == "mean")
    wanted = _wanted(policy, weights, presence, np.array([fair * person.unmet for person in speaking]))
    shares = shares_of(wanted, presence, min_group)
    house_share = 1.0 - float(shares.sum())
    return _Room(weights, presence, shares, _house_weights(house), max(house_share, 0.0))


def _wanted(policy: Policy, weights: Vector, presence: Vector, unmet: Vector) -> Vector:
    """Pull of each person (m,) before it is bounded; only the proportions matter."""
    fair = fair_weights(presence, unmet)
    if policy == "turns":
        only = np.zeros(len(fair))
        only[int(fair.argmax())] = 1.0
        return only
    if policy == "least_misery":
        return cone_centre(normalised(weights[:, :DIMENSIONS]), fair)
    return fair


def _house_weights(house: Vector) -> Vector:
    return np.append(normalised(house) / 2, 0.5)


def _misery(room: _Room, songs: Vector) -> Vector:
    """The liking (n,) of whoever likes each song least; someone who is fading away counts towards the mean."""
    average = liking(room.combined(), songs)
    worst = np.ones(len(songs))
    step = max(1, _ROWS_AT_ONCE // len(room.weights))
    for start in range(0, len(songs), step):
        part = slice(start, start + step)
        each = liking(room.weights, songs[part])
        each = room.presence[:, None] * each + (1 - room.presence[:, None]) * average[part]
        worst[part] = each.min(axis=0)
    return worst
