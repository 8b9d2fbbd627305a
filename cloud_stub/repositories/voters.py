"""Whoever rates: all that a vote is judged by and teaches, in one look."""

from __future__ import annotations

from dataclasses import dataclass

from cloud_stub.database import Asked, Row, Tx
from cloud_stub.moments import seconds_or_none, to_text
from cloud_stub.repositories.profiles import taste_of
from ml.taste import Taste

_LOOK = (
    'select p.id, p.preference_vector, p.taste_rev, t.mean, t."precision", t.votes, s.id as stay_id, s.player_id, '
    "s.checked_in_at, s.expires_at, s.status, r.heard_at, c.value as crowd "
    "from profiles o join profiles p on p.id = coalesce(o.merged_into, o.id) "
    "left join taste_state t on t.profile_id = p.id "
    "left join sessions s on s.user_id = p.id and s.status = 'active' and s.expires_at > ? "
    "left join player_state r on r.player_id = s.player_id "
    "left join settings c on c.player_id = coalesce(?, s.player_id) and c.key = 'taste.prior' "
    "where o.{anchor} = ? order by s.checked_in_at desc limit 1"
)
# For questions about somebody whose login alone is known: they travel with the one about the voter.
PERSON_OF_LOGIN = "(select coalesce(merged_into, id) from profiles where auth_user_id = ?)"
ROOM_OF_LOGIN = (
    f"(select s.player_id from sessions s where s.user_id = {PERSON_OF_LOGIN} and s.status = 'active' "  # noqa: S608 - ours
    "and s.expires_at > ? order by s.checked_in_at desc limit 1)"
)
_BY_LOGIN, _BY_ID = _LOOK.format(anchor="auth_user_id"), _LOOK.format(anchor="id")


@dataclass(frozen=True, slots=True)
class Voter:
    """taste_known: whether their belief is stored, or follows from the vector alone. stay: the open one, as
    `sessions.extend` takes it. spoke_s: when that room's box last said what it plays. crowd: the pooled votes of the
    room that is rated, as stored."""

    profile_id: str
    taste: Taste
    taste_rev: int
    taste_known: bool
    stay: Row | None
    spoke_s: float | None
    crowd: str | None


def by_login(tx: Tx, auth_user_id: str, now_s: float) -> Asked[Voter | None]:
    """The listener of this login, beside the room they are in; None when the login is gone."""
    return tx.ask(_voter, _BY_LOGIN, to_text(now_s), None, auth_user_id)


def by_id(tx: Tx, profile_id: str, player_id: str, now_s: float) -> Asked[Voter | None]:
    """The listener of this id, who rates what sounds in the room."""
    return tx.ask(_voter, _BY_ID, to_text(now_s), player_id, profile_id)


def _voter(rows: list[Row]) -> Voter | None:
    if not rows:
        return None
    row = rows[0]
    stay = {name: row[name] for name in ("player_id", "checked_in_at", "expires_at", "status")}
    return Voter(
        row["id"], taste_of(row), int(row["taste_rev"]), row["mean"] is not None,
        {"id": row["stay_id"], "user_id": row["id"], **stay} if row["stay_id"] else None,
        seconds_or_none(row["heard_at"]), row["crowd"],
    )  # fmt: skip
