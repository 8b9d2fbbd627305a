"""One-time codes by which a box gets its token without anybody typing a long secret."""

from __future__ import annotations

import secrets
from hashlib import sha256

from cloud_stub.database import Tx
from cloud_stub.moments import to_seconds, to_text

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that is read for another
LENGTH = 8
LIFE_S = 600.0
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def create(tx: Tx, player_id: str, now_s: float) -> str:
    """A code for this room; an older one is worthless from now on."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    tx.run("delete from claim_codes where player_id = ? or expires_at <= ?", player_id, to_text(now_s))
    tx.run(
        "insert into claim_codes (hash, player_id, created_at, expires_at) values (?, ?, ?, ?)",
        _hash(code), player_id, to_text(now_s), to_text(now_s + LIFE_S),
    )  # fmt: skip
    return code


def take(tx: Tx, code: str, now_s: float) -> str | None:
    """The room whose code this is, once; None for anything else."""
    row = tx.one("delete from claim_codes where hash = ? returning player_id, expires_at", _hash(code))
    if row is None or to_seconds(row["expires_at"]) <= now_s:
        return None
    return str(row["player_id"])


def _hash(code: str) -> str:
    """As a person may type it: any case, with or without a dash."""
    return sha256(code.upper().translate(_READ_AS).encode()).hexdigest()
