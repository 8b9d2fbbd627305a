"""A card's history becomes a web profile's, once both the box and the person have said so, in whatever order.

The box makes a token, shows it as a QR, and tells us its hash as a fact of its own, so no secret is shared with it and
nobody else can make one. A person who shows the token before a box that was out of reach has told us of it waits.
"""

from __future__ import annotations

from enum import Enum

from cloud_stub.database import Row, Tx
from cloud_stub.merging import join
from cloud_stub.moments import to_seconds
from cloud_stub.repositories import handovers, profiles

EARLY_S = 60.0  # a box's event may be dated a little after the person held the phone to its screen


class Handover(Enum):
    """How a handover stands."""

    DONE = "done"
    WAITING = "waiting"
    USED = "used"
    EXPIRED = "expired"
    TWO_ACCOUNTS = "two_accounts"
    UNKNOWN = "unknown_card"


def offered(tx: Tx, token_hash: str, profile_id: str, at_s: float, now_s: float) -> Handover:
    """A box offers this listener's history to whoever shows the token."""
    row = handovers.offer(tx, token_hash, profile_id, at_s, now_s)
    if profiles.resolve(tx, row["profile_id"]) != profile_id:
        return Handover.USED
    return _as_it_stands(tx, row, now_s)


def claimed(tx: Tx, token: str, claimant_id: str, now_s: float) -> Handover:
    """Somebody shows a token."""
    row = handovers.claim(tx, token, claimant_id, now_s)
    if profiles.resolve(tx, row["claimant_id"]) != claimant_id:
        return Handover.USED
    return _as_it_stands(tx, row, now_s)


def unite(tx: Tx, one_id: str, other_id: str, now_s: float) -> Handover:
    """Two profiles are one person. An account stays; two accounts are their owners' to make one."""
    if one_id == other_id:
        return Handover.DONE
    if profiles.has_login(tx, one_id):
        if profiles.has_login(tx, other_id):
            return Handover.TWO_ACCOUNTS
        one_id, other_id = other_id, one_id
    join(tx, one_id, other_id, now_s)
    return Handover.DONE


def _as_it_stands(tx: Tx, row: Row, now_s: float) -> Handover:
    if row["profile_id"] is None or row["claimant_id"] is None:
        return Handover.WAITING
    card, claimant = profiles.resolve(tx, row["profile_id"]), profiles.resolve(tx, row["claimant_id"])
    if row["done"]:
        return Handover.DONE if card == claimant else Handover.USED
    handovers.close(tx, row["hash"])
    waited_s = to_seconds(row["claimed_at"]) - to_seconds(row["offered_at"])
    if not -EARLY_S <= waited_s <= handovers.LIFE_S:
        return Handover.EXPIRED
    assert card is not None and claimant is not None, "the rows go with the profiles"
    return unite(tx, card, claimant, now_s)
