"""What `database` asks of an engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol, TypeVar

Row = dict[str, Any]
Dialect = Literal["sqlite", "postgres"]
T = TypeVar("T")


class Answer(Protocol):
    """What came, or is still to come, of a question."""

    def all(self) -> list[Row]:
        """Every row; once."""

    def count(self) -> int:
        """How many rows the statement changed."""


class Session(Protocol):
    """Statements of one open transaction, with `?` for values."""

    def ask(self, sql: str, args: Sequence[object]) -> Answer:
        """Any statement. It may wait until its answer or another one is looked at, and fail there; the order holds."""

    def settle(self) -> None:
        """What waits is done now. Raises what went wrong with it."""

    def drop(self) -> None:
        """What waits need not be done: whatever it does will be undone, and how it fails is of no interest."""

    def many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """One statement for each of the rows."""

    def script(self, text: str) -> None:
        """Several statements without values."""


class Engine(Protocol):
    """Transactions, and where their work runs."""

    dialect: Dialect
    errors: tuple[type[Exception], ...]  # gone or busy
    conflicts: tuple[type[Exception], ...]

    @property
    def is_open(self) -> bool:
        """Whether it can be asked."""

    def open(self) -> None:
        """Raises SetupError when the database cannot be used."""

    def close(self) -> None:
        """Let go of every connection."""

    def reading(self) -> AbstractContextManager[Session]:
        """A transaction that sees one moment."""

    def writing(self, alone_in: str | None = None) -> AbstractContextManager[Session]:
        """A transaction that nobody else writes beside; with `alone_in`, nobody else in that room."""

    def submit(self, work: Callable[[], T]) -> Awaitable[T]:
        """Run it where a query may take its time without holding up the event loop."""

    def changed_elsewhere(self) -> bool:
        """Whether another process may have committed since this was last asked."""
