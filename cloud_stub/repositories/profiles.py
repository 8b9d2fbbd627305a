"""Listeners, their cards and their taste."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from checkin.rules import friendly_name
from cloud_stub.database import Row, Tx
from cloud_stub.moments import to_text
from cloud_stub.repositories import bucket
from ml.taste import Taste

_TASTE = (
    'select p.preference_vector, p.taste_rev, t.mean, t."precision", t.votes from profiles p '
    "left join taste_state t on t.profile_id = p.id where p.id = ?"
)
_VECTOR = "select preference_vector from profiles where id = ?"
_BORN = (
    "insert into profiles (id, auth_user_id, email, display_name, preference_vector, created_at, updated_at) "
    "values (?, ?, ?, ?, ?, ?, ?)"
)


def create(
    tx: Tx, now_s: float, *, profile_id: str | None = None, auth_user_id: str | None = None,
    email: str | None = None, display_name: str | None = None,
) -> str:  # fmt: skip
    """A newcomer; returns the id. Without a name they get a friendly one that nobody here has just now."""
    profile_id = profile_id or str(uuid4())
    name = display_name or friendly_name(profile_id, _names_present(tx))
    now = to_text(now_s)
    start = json.dumps(list(Taste.newcomer().preference_vector))
    tx.run(_BORN, profile_id, auth_user_id, email, name, start, now, now)
    return profile_id


def resolve(tx: Tx, profile_id: str) -> str | None:
    """The profile that this id stands for now, or None for a stranger."""
    found = tx.value("select coalesce(merged_into, id) from profiles where id = ?", profile_id)
    return None if found is None else str(found)


def find(tx: Tx, profile_id: str) -> Row | None:
    return tx.one("select * from profiles where id = ?", profile_id)


def find_by_login(tx: Tx, auth_user_id: str) -> Row | None:
    return tx.one("select * from profiles where auth_user_id = ?", auth_user_id)


def has_login(tx: Tx, profile_id: str) -> bool:
    return tx.value("select auth_user_id from profiles where id = ?", profile_id) is not None


def stand_for(tx: Tx, profile_id: str, into_id: str, now_s: float) -> None:
    """From now on `profile_id`, with all that stood for it, stands for `into_id`, and its cards are that one's."""
    moved = tx.all(
        "update profiles set merged_into = ? where id = ? or merged_into = ? returning id",
        into_id, profile_id, profile_id,
    )  # fmt: skip
    cards = tx.all("update tags set profile_id = ? where profile_id = ? returning key_hash", into_id, profile_id)
    for row in moved:
        bucket.touch_everywhere(tx, "merges", row["id"], now_s)
    for row in cards:
        bucket.touch_everywhere(tx, "tags", row["key_hash"], now_s)
    for one in (profile_id, into_id):
        bucket.touch_everywhere(tx, "profiles", one, now_s)


def forget(tx: Tx, profile_id: str, now_s: float) -> None:
    """Remove a listener with all that is theirs. One with a login loses their cards only: the account is its owner's
    to close."""
    cards = [row["key_hash"] for row in tx.all("select key_hash from tags where profile_id = ?", profile_id)]
    stays = tx.all("select id, player_id from sessions where user_id = ?", profile_id)
    tx.run("delete from tags where profile_id = ?", profile_id)
    for key_hash in cards:
        bucket.touch_everywhere(tx, "tags", key_hash, now_s)
    if tx.value("select auth_user_id from profiles where id = ?", profile_id) is None:
        merged = tx.all("delete from profiles where merged_into = ? returning id", profile_id)
        tx.run("delete from profiles where id = ?", profile_id)
        for row in merged:
            bucket.touch_everywhere(tx, "merges", row["id"], now_s)
        for stay in stays:
            bucket.touch(tx, str(stay["player_id"]), "sessions", str(stay["id"]), now_s)
    bucket.touch_everywhere(tx, "profiles", profile_id, now_s)


def taste(tx: Tx, profile_id: str) -> tuple[Taste, int]:
    """(taste, rev) as it stands."""
    row = tx.one(_TASTE, profile_id)
    assert row is not None, f"no profile {profile_id}"
    return taste_of(row), int(row["taste_rev"])


def taste_of(row: Row) -> Taste:
    """The taste in a row with preference_vector, mean, precision and votes."""
    vector = json.loads(row["preference_vector"])
    if row["mean"] is None:
        return Taste.from_preference(vector)
    return Taste.from_dict(
        {
            "preference_vector": vector,
            "mean": json.loads(row["mean"]),
            "precision": json.loads(row["precision"]),
            "votes": row["votes"],
        }
    )


def taste_base(tx: Tx, profile_id: str) -> Taste:
    """The taste that the listener's votes are folded from."""
    state = tx.one("select base from taste_state where profile_id = ?", profile_id)
    if state is None:  # no vote yet: it starts at the vector that it came with, if any
        return Taste.from_preference(json.loads(tx.value(_VECTOR, profile_id)))
    return Taste.from_dict(json.loads(state["base"])) if state["base"] else Taste.newcomer()


def set_taste(tx: Tx, profile_id: str, taste: Taste, now_s: float, *, above: int = 0) -> int:
    """Store both states under the next revision, which it returns, and tell the rooms that know the listener.

    above: the revision comes after this one too.
    """
    row = tx.one(_TASTE, profile_id)
    assert row is not None, f"no profile {profile_id}"
    rev = max(int(row["taste_rev"]), above) + 1
    keep_taste(tx, profile_id, taste, rev, now_s, before=None if row["mean"] else taste_of(row))
    return rev


def keep_taste(tx: Tx, profile_id: str, taste: Taste, rev: int, now_s: float, *, before: Taste | None) -> None:
    """The same for whoever knows what is stored. `before`: what follows from the vector alone, where that is all."""
    state: dict[str, Any] = taste.to_dict()
    base = json.dumps(before.to_dict()) if before is not None and any(before.preference_vector) else None
    tx.tell(
        "update profiles set preference_vector = ?, taste_rev = ?, updated_at = ? where id = ?",
        json.dumps(state["preference_vector"]), rev, to_text(now_s), profile_id,
    )  # fmt: skip
    tx.tell(
        'insert into taste_state (profile_id, mean, "precision", votes, rev, base) values (?, ?, ?, ?, ?, ?) '
        'on conflict (profile_id) do update set mean = excluded.mean, "precision" = excluded."precision", '
        "votes = excluded.votes, rev = excluded.rev",
        profile_id, json.dumps(state["mean"]), json.dumps(state["precision"]), state["votes"], rev, base,
    )  # fmt: skip
    bucket.touch_everywhere(tx, "profiles", profile_id, now_s)


def begin_taste(tx: Tx, profile_id: str, start: Taste, now_s: float) -> None:
    """Start a listener at a taste that their votes here will be folded from."""
    set_taste(tx, profile_id, start, now_s)
    set_base(tx, profile_id, start)


def set_base(tx: Tx, profile_id: str, base: Taste) -> None:
    """Let the votes of a listener who has a taste be folded from there."""
    tx.tell("update taste_state set base = ? where profile_id = ?", json.dumps(base.to_dict()), profile_id)


def _names_present(tx: Tx) -> frozenset[str]:
    rows = tx.all("select p.display_name from profiles p join sessions s on s.user_id = p.id where s.status = 'active'")
    return frozenset(row["display_name"] for row in rows)
