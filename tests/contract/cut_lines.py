"""Connections to PostgreSQL that are lost at a statement of one's choice, as often as one asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psycopg

from cloud_stub.engines.lines import Came, Conn, Line, Statement

SUICIDE: Statement = ("select pg_terminate_backend(pg_backend_pid())", ())


@dataclass
class Cutter:
    """Loses the connection once, at the n-th statement from when it was armed.

    how: `told` ends the server's process from within, in the statement's place; `between` from without, before the
    statement is sent; `unheard` lets it be done, and loses the answer.
    """

    how: str
    end_all: Callable[[], None]
    left: int = 0
    is_due: bool = False  # its answer comes with the next exchange

    def arm(self, n: int) -> None:
        self.left = n

    @property
    def has_cut(self) -> bool:
        return self.left == 0 and not self.is_due

    def disarm(self) -> None:
        self.left, self.is_due = 0, False

    def is_next(self, count: int) -> bool:
        """Whether it is one of the next so many."""
        return 0 < self.left <= count


@dataclass
class CutLine:
    """A line of any kind under such shears."""

    line: Line
    shears: Cutter
    conn: Conn = field(init=False)

    def __post_init__(self) -> None:
        self.conn = self.line.conn

    def begin(self, texts: Sequence[str]) -> list[Statement]:
        return self.line.begin(texts)

    def send(self, statement: Statement) -> None:
        self.shears.is_due |= self._is_unheard(1)
        for each in self._under_shears([statement]):
            self.line.send(each)

    def exchange(self, statements: Sequence[Statement]) -> list[Came]:
        is_lost = self._is_unheard(len(statements)) or self.shears.is_due
        came = self.line.exchange(self._under_shears(statements))
        if is_lost:
            self.shears.is_due = False
            self.conn.close()
            raise psycopg.DatabaseError("the answer was lost")  # of the kind that psycopg makes of libpq's own words
        return came

    def _is_unheard(self, count: int) -> bool:
        return self.shears.how == "unheard" and self.shears.is_next(count)

    def _under_shears(self, statements: Sequence[Statement]) -> Sequence[Statement]:
        shears, left = self.shears, self.shears.left
        is_now = shears.is_next(len(statements))
        shears.left = max(0, left - len(statements))
        if not is_now or shears.how == "unheard":
            return statements
        if shears.how == "between":
            shears.end_all()
            return statements
        return [*statements[: left - 1], SUICIDE, *statements[left - 1 :]]
