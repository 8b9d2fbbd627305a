"""Connections to PostgreSQL as a transaction uses them: statements go out, what they bring comes back.

On a pooler each statement goes by itself; `pipeline.py` has what a direct connection can do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import psycopg
from psycopg.rows import DictRow

from cloud_stub.engines.dialect import translated
from cloud_stub.engines.engine import Row

Conn = psycopg.Connection[DictRow]
Statement = tuple[str, Sequence[object]]  # with `?` for values


@dataclass(frozen=True, slots=True)
class Came:
    """What one statement brought. count: rows that it changed or found. said: the server's word, such as COMMIT."""

    rows: list[Row]
    count: int
    said: str


class Line(Protocol):
    """One connection."""

    conn: Conn

    def begin(self, texts: Sequence[str]) -> list[Statement]:
        """What begins a transaction on it."""

    def send(self, statement: Statement) -> None:
        """Have it begun; what it brings comes with the next exchange."""

    def exchange(self, statements: Sequence[Statement]) -> list[Came]:
        """Have them done in their order; what they bring, and before that what was sent alone.

        Raises psycopg.Error of the first that fails; none after it is done.
        """


class Pooled:
    """A connection through a pooler, which may not know pipelines, nor what was prepared on it."""

    def __init__(self, conn: Conn, told: Sequence[str]) -> None:
        """told: settings, said in each transaction, for the next may reach another server process."""
        self.conn = conn
        self._told = told
        self._came: list[Came] = []

    def begin(self, texts: Sequence[str]) -> list[Statement]:
        begin, *rest = texts
        return [("; ".join((begin, *(f"set local {setting}" for setting in self._told), *rest)), ())]

    def send(self, statement: Statement) -> None:
        self._came.append(self._one(*statement))

    def exchange(self, statements: Sequence[Statement]) -> list[Came]:
        came, self._came = self._came, []
        return [*came, *(self._one(sql, args) for sql, args in statements)]

    def _one(self, sql: str, args: Sequence[object]) -> Came:
        # Without values the text is sent as it is: then `%` is an ordinary sign.
        cursor = self.conn.execute(translated(sql), args) if args else self.conn.execute(sql.encode())
        rows = cursor.fetchall() if cursor.description else []
        return Came(rows, cursor.rowcount, cursor.statusmessage or "")


def is_cut(line: Line) -> bool:
    return line.conn.broken or line.conn.closed


def is_in_transaction(line: Line) -> bool:
    """Whether it is in one, though a failed one, as far as we were told."""
    return line.conn.info.transaction_status != psycopg.pq.TransactionStatus.IDLE
