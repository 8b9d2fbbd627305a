"""What the crowd of a room likes: its votes pooled, kept as a setting so that its box gets it too."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cloud_stub.database import Row, Tx
from cloud_stub.repositories import players, votes
from ml.errors import VectorError
from ml.prior import Prior, crowd_weight

KEY = "taste.prior"


def prior_in(settings: Mapping[str, Any]) -> Prior | None:
    """The crowd in a room's settings; None when nobody has voted, or when it cannot be read."""
    try:
        return Prior.from_dict(settings[KEY])
    except (KeyError, VectorError):
        return None


def add_vote(
    tx: Tx, player_id: str, stored: str | None, heard: Sequence[float], value: int, taste_rev: int,
    replaced: Sequence[Row], now_s: float,
) -> None:  # fmt: skip
    """Pool a vote that has just been stored, and take those back that it replaces. `stored`: the crowd so far.

    How much a vote counts follows from its `taste_rev`, so that it can be taken back as it was given. A room whose
    crowd was never pooled, or is torn, is folded from all its votes.
    """
    prior = prior_in({KEY: json.loads(stored)}) if stored else None
    if prior is None:
        prior = _folded(tx, player_id)
    else:
        prior = prior.with_vote(heard, value, crowd_weight(taste_rev))
        prior = _without(prior, replaced)
    players.set_setting(tx, player_id, KEY, prior.to_dict(), now_s)


def take_back(tx: Tx, player_id: str, replaced: Sequence[Row], now_s: float) -> None:
    """Votes that no longer count, as those of a person who was kept as two, leave the pool."""
    prior = prior_in(players.settings(tx, player_id))
    prior = _folded(tx, player_id) if prior is None else _without(prior, replaced)
    players.set_setting(tx, player_id, KEY, prior.to_dict(), now_s)


def _without(prior: Prior, replaced: Sequence[Row]) -> Prior:
    for row in replaced:
        prior = prior.without_vote(json.loads(row["heard"]), row["vote_value"], crowd_weight(row["taste_rev"]))
    return prior


def _folded(tx: Tx, player_id: str) -> Prior:
    prior = Prior.default()
    for heard, value, taste_rev in votes.counting_in(tx, player_id):
        prior = prior.with_vote(heard, value, crowd_weight(taste_rev))
    return prior
