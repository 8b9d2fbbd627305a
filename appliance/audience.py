"""Those present, as the numbers that steer: each stored taste with the votes it does not hold yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from appliance.model import Listener, Presence
from ml.collective import Present, presence_weight
from ml.errors import VectorError
from ml.taste import Taste, learn, merge


def present_people(presences: Sequence[Presence], unmet_of: Callable[[str], float] = lambda _: 0.0) -> list[Present]:
    """One `Present` a person, weighted by how much of their stay is left; `unmet_of` tells what they missed lately."""
    return [
        Present(
            presence.listener.id,
            taste_of(presence),
            presence_weight(presence.remaining_s),
            unmet_of(presence.listener.id),
        )
        for presence in presences
    ]


def taste_of(presence: Presence) -> Taste:
    """The last pulled taste, folded over the votes the cloud has not answered yet.

    A taste that cannot be read (torn, or from a newer version) counts as a newcomer's, such a vote as none: the
    room goes on.
    """
    taste = _stored(presence.listener)
    for vote in presence.pending:
        with suppress(VectorError):
            taste = learn(taste, vote.embedding, vote.vote_value)
    return taste


def joined_taste(one: Listener, other: Listener) -> Taste:
    """The taste of two listeners who are one person, until the cloud folds it from all their votes."""
    return merge(_stored(one), _stored(other))


def _stored(listener: Listener) -> Taste:
    try:
        if listener.taste_state:
            return Taste.from_dict({"preference_vector": listener.preference_vector, **listener.taste_state})
        return Taste.from_preference(listener.preference_vector)
    except VectorError:
        return Taste.newcomer()
