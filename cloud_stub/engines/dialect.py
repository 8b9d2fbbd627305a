"""What differs between our SQL text and PostgreSQL's, in one place: how values are marked and what comes back.

`?` becomes `%s`, or `$1` for libpq itself; ids and moments come back as the text that SQLite keeps, so nobody above
sees the difference.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count

from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.types.string import TextLoader

from cloud_stub.moments import FORM

_PIECES = re.compile(r"'[^']*'|\?|%")


@lru_cache(maxsize=1024)
def translated(sql: str) -> bytes:
    """The statement as psycopg reads it; quoted text keeps its question marks."""
    return _PIECES.sub(lambda piece: {"?": "%s", "%": "%%"}.get(piece[0], piece[0].replace("%", "%%")), sql).encode()


@lru_cache(maxsize=1024)
def numbered(sql: str) -> bytes:
    """The statement as libpq reads it; quoted text keeps its question marks."""
    number = count(1)
    return _PIECES.sub(lambda piece: f"${next(number)}" if piece[0] == "?" else piece[0], sql).encode()


class MomentLoader(Loader):
    """timestamptz → UTC text of one width, as `moments` writes it."""

    def load(self, data: Buffer) -> str:
        return datetime.fromisoformat(bytes(data).decode()).astimezone(UTC).isoformat(timespec=FORM)


def adapt(conn: Connection[object]) -> None:
    """Give the connection the types that repositories know."""
    conn.adapters.register_loader("timestamptz", MomentLoader)
    conn.adapters.register_loader("uuid", TextLoader)
