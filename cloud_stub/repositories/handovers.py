"""What has been said of each handover: by a box that offers a card's history, by a person who claims it."""

from __future__ import annotations

import secrets
from hashlib import sha256

from cloud_stub.database import Row, Tx
from cloud_stub.errors import Refused
from cloud_stub.moments import to_seconds, to_text

LIFE_S = 600.0
DIGITS = 6
_TRIES = 20


def offer(tx: Tx, token_hash: str, profile_id: str, at_s: float, now_s: float) -> Row:
    """The box's word; what is known of the handover now."""
    return _said(tx, token_hash, "profile_id", "offered_at", profile_id, at_s, now_s)


def claim(tx: Tx, token: str, profile_id: str, now_s: float) -> Row:
    """The person's word; what is known of the handover now."""
    return _said(tx, hash_of(token), "claimant_id", "claimed_at", profile_id, now_s, now_s)


def close(tx: Tx, token_hash: str) -> bool:
    """From now on the token is worthless. False when it was already."""
    return bool(tx.run("update handovers set done = 1 where hash = ? and done = 0", token_hash))


def make_code(tx: Tx, profile_id: str, now_s: float) -> str:
    """Six digits for this profile; older ones of theirs are worthless from now on."""
    tx.run("delete from handover_codes where profile_id = ? or expires_at <= ?", profile_id, to_text(now_s))
    for _ in range(_TRIES):
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
        fresh = tx.run(
            "insert into handover_codes (hash, profile_id, created_at, expires_at) values (?, ?, ?, ?) "
            "on conflict (hash) do nothing",
            hash_of(code), profile_id, to_text(now_s), to_text(now_s + LIFE_S),
        )  # fmt: skip
        if fresh:
            return code
    raise Refused(503, "no_code", "too many people ask for a code just now: try again in a minute", retry_after_s=60)


def take_code(tx: Tx, code: str, at_s: float) -> str | None:
    """Whose code it was at that moment, once; None for anything else."""
    row = tx.one("delete from handover_codes where hash = ? returning profile_id, expires_at", hash_of(code))
    return None if row is None or to_seconds(row["expires_at"]) <= at_s else str(row["profile_id"])


def prune(tx: Tx, before_s: float) -> None:
    tx.run("delete from handovers where created_at < ?", to_text(before_s))


def hash_of(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _said(tx: Tx, token_hash: str, who: str, when: str, profile_id: str, at_s: float, now_s: float) -> Row:
    """Whoever speaks first for a side is heard, and nobody after them."""
    row = tx.one(
        f"insert into handovers (hash, {who}, {when}, created_at) values (?, ?, ?, ?) "  # noqa: S608 - our own names
        f"on conflict (hash) do update set {who} = coalesce(handovers.{who}, excluded.{who}), "
        f"{when} = coalesce(handovers.{when}, excluded.{when}) returning *",
        token_hash, profile_id, to_text(at_s), to_text(now_s),
    )  # fmt: skip
    assert row is not None, "an upsert returns its row"
    return row
