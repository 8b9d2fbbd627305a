"""How often somebody tried something lately: counted in the database, so that all copies of the server count as one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from math import ceil

from cloud_stub.database import Asked, Row, Tx
from cloud_stub.errors import Refused
from cloud_stub.moments import to_seconds, to_text


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `times` within `window_s` of the first."""

    what: str
    times: int
    window_s: float


LOGIN = Limit("login", 10, 300.0)  # wrong passwords for one address
CLAIM = Limit("claim", 5, 600.0)  # wrong codes from one place
LINK = Limit("link", 10, 600.0)  # codes asked for, and histories claimed, by one person
LINK_CODE = Limit("link_code", 10, 600.0)  # six digits typed in at one box
VOTE = Limit("vote", 30, 60.0)
SIGNUP = Limit("signup", 600, 600.0)  # a full café shares one address


def take(tx: Tx, limit: Limit, who: str, now_s: float) -> None:
    """Count one more. Raises Refused (429, with when to come back) once it is too often."""
    counted(tx, limit, who, now_s).get()


def counted(tx: Tx, limit: Limit, who: str, now_s: float) -> Asked[None]:
    """Count one more; the answer raises Refused as `take` does."""
    before, now = to_text(now_s - limit.window_s), to_text(now_s)
    return tx.ask(
        partial(_judge, limit, now_s),
        "insert into attempts (who, began_at, n) values (?, ?, 1) on conflict (who) do update set "
        "n = case when attempts.began_at <= ? then 1 else attempts.n + 1 end, "
        "began_at = case when attempts.began_at <= ? then excluded.began_at else attempts.began_at end "
        "returning n, began_at",
        _key(limit, who), now, before, before,
    )  # fmt: skip


def _judge(limit: Limit, now_s: float, rows: list[Row]) -> None:
    (row,) = rows
    if row["n"] > limit.times:
        wait_s = max(1, ceil(to_seconds(row["began_at"]) + limit.window_s - now_s))
        raise Refused(429, "too_often", f"too many attempts: try again in {wait_s} s", retry_after_s=wait_s)


def forget(tx: Tx, limit: Limit, who: str) -> None:
    """It was right after all: the count begins anew."""
    tx.run("delete from attempts where who = ?", _key(limit, who))


def prune(tx: Tx, before_s: float) -> None:
    tx.run("delete from attempts where began_at < ?", to_text(before_s))


def _key(limit: Limit, who: str) -> str:
    """Nobody's address is kept."""
    return sha256(f"{limit.what}|{who}".encode()).hexdigest()
