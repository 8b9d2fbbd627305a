"""Stays: one open per person. Readers test both the status and the expiry."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from cloud_stub.database import Asked, Row, Tx, by_player, first, marks
from cloud_stub.moments import seconds_or_none, to_seconds, to_text
from cloud_stub.repositories import bucket
from cloud_stub.repositories.voters import PERSON_OF_LOGIN

_PRESENT = (
    'select s.player_id, p.id, p.preference_vector, t.mean, t."precision", t.votes, max(s.expires_at) as expires_at '
    "from sessions s join profiles p on p.id = s.user_id left join taste_state t on t.profile_id = p.id "
    "where s.player_id in ({places}) and s.status = 'active' and s.expires_at > ? "
    'group by s.player_id, p.id, p.preference_vector, t.mean, t."precision", t.votes order by p.id'
)

_OPEN = (
    "select * from sessions where user_id = {user} and status = 'active' and expires_at > ? "
    "order by checked_in_at desc limit 1"
)
_OPEN_BY_ID, _OPEN_BY_LOGIN = _OPEN.format(user="?"), _OPEN.format(user=PERSON_OF_LOGIN)


def open_stay(tx: Tx, user_id: str, now_s: float) -> Row | None:
    return tx.one(_OPEN_BY_ID, user_id, to_text(now_s))


def open_stay_by_login(tx: Tx, auth_user_id: str, now_s: float) -> Asked[Row | None]:
    """The same for whoever knows the login alone."""
    return tx.ask(first, _OPEN_BY_LOGIN, auth_user_id, to_text(now_s))


def find(tx: Tx, session_id: str) -> Row | None:
    return tx.one("select * from sessions where id = ?", session_id)


def here(tx: Tx, player_id: str, now_s: float) -> int:
    """How many people have an open stay in the room."""
    return int(
        tx.value(
            "select count(distinct user_id) from sessions where player_id = ? and status = 'active' and expires_at > ?",
            player_id, to_text(now_s),
        )
    )  # fmt: skip


def present(tx: Tx, player_ids: Sequence[str], now_s: float) -> Asked[dict[str, list[Row]]]:
    """Everybody in these rooms with their taste's columns and `expires_at`, room by room."""
    return tx.ask(by_player, _PRESENT.format(places=marks(player_ids)), *player_ids, to_text(now_s))


def begin(
    tx: Tx, user_id: str, player_id: str, at_s: float, expires_s: float, now_s: float, *, session_id: str | None = None
) -> Row:
    """A stay from `at_s`, known from `now_s` on; returns its row.

    Stays that were open elsewhere end at `at_s`. One that began later ends this one instead: it is history.
    """
    others = tx.all(
        "select * from sessions where user_id = ? and (checked_in_at > ? or status = 'active') "
        "order by checked_in_at, id",
        user_id, to_text(at_s),
    )  # fmt: skip
    later = next((row["checked_in_at"] for row in others if row["checked_in_at"] > to_text(at_s)), None)
    end_s = seconds_or_none(later)
    expires_s = min(expires_s, end_s) if end_s is not None else expires_s
    for row in others if end_s is None else ():
        _end(tx, row, at_s, now_s)
    is_open = end_s is None and expires_s > now_s
    begun = {
        "id": session_id or str(uuid4()), "user_id": user_id, "player_id": player_id, "checked_in_at": to_text(at_s),
        "expires_at": to_text(expires_s), "ended_at": None if is_open else to_text(expires_s),
        "status": "active" if is_open else "inactive", "created_at": to_text(now_s),
    }  # fmt: skip
    tx.tell(
        "insert into sessions (id, user_id, player_id, checked_in_at, expires_at, ended_at, status, created_at) "
        "values (?, ?, ?, ?, ?, ?, ?, ?)",
        *begun.values(),
    )
    _tell(tx, str(begun["id"]), user_id, player_id, now_s, _as_seen(begun) if is_open else None)
    return begun


def extend(tx: Tx, stay: Row, expires_s: float, now_s: float) -> Row:
    """Move the end of an open stay out to `expires_s`, never in; returns it as it is now."""
    if to_seconds(stay["expires_at"]) >= expires_s:
        return stay
    later = to_text(expires_s)
    tx.tell("update sessions set expires_at = ? where id = ?", later, stay["id"])
    longer = {**stay, "expires_at": later}
    bucket.touch(tx, stay["player_id"], "sessions", stay["id"], now_s, _as_seen(longer))
    tx.rooms.add(stay["player_id"])
    return longer


def end(tx: Tx, session_id: str, at_s: float, now_s: float) -> None:
    """End a stay at `at_s`, or when it had ended already, whichever is earlier."""
    row = find(tx, session_id)
    if row is not None:
        _end(tx, row, at_s, now_s)


def hand_over(tx: Tx, user_id: str, to_id: str, now_s: float) -> None:
    """Make one person's stays another's. Of two that are open the one that began first ends when the other began."""
    moved = tx.all("update sessions set user_id = ? where user_id = ? returning id, player_id, status", to_id, user_id)
    still_open = tx.all(
        "select id, checked_in_at from sessions where user_id = ? and status = 'active' "
        "order by checked_in_at desc, id",
        to_id,
    )
    for row in still_open[1:]:
        end(tx, row["id"], to_seconds(still_open[0]["checked_in_at"]), now_s)
    for row in moved:
        if row["status"] == "active":
            _tell(tx, row["id"], to_id, row["player_id"], now_s)


def close_passed(tx: Tx, now_s: float) -> int:
    """Mark stays whose time is up; how many there were."""
    passed = tx.all(
        "update sessions set status = 'inactive', ended_at = expires_at where status = 'active' and expires_at <= ? "
        "returning id, user_id, player_id",
        to_text(now_s),
    )
    for row in passed:
        _tell(tx, row["id"], row["user_id"], row["player_id"], now_s)
    return len(passed)


def listed(tx: Tx, player_id: str, limit: int) -> list[Row]:
    return tx.all(
        "select * from sessions where player_id = ? order by checked_in_at desc, id limit ?", player_id, limit
    )


def _end(tx: Tx, row: Row, at_s: float, now_s: float) -> None:
    known = min(to_seconds(row["ended_at"] or row["expires_at"]), to_seconds(row["expires_at"]))
    ended = to_text(max(min(known, at_s), to_seconds(row["checked_in_at"])))
    tx.tell(
        "update sessions set status = 'inactive', ended_at = ?, expires_at = ? where id = ?", ended, ended, row["id"]
    )
    _tell(tx, row["id"], row["user_id"], row["player_id"], now_s)


def _as_seen(stay: Row) -> Row:
    """An open stay as its room sees it."""
    return {name: stay[name] for name in ("id", "user_id", "checked_in_at", "expires_at", "status")}


def _tell(
    tx: Tx, session_id: str, user_id: str, player_id: str, now_s: float, row: Row | None = None
) -> None:  # fmt: skip
    bucket.touch(tx, player_id, "sessions", session_id, now_s, row)
    bucket.touch(tx, player_id, "profiles", user_id, now_s)
    tx.rooms.add(player_id)
