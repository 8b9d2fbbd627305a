"""The one door to the database. Behind it stands SQLite or PostgreSQL; nobody in front of it knows which.

Everything else gives it SQL in the common subset of both, with `?` for values: ids and moments are text, vectors
and JSON are JSON text. Work is a function of a `Tx`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from cloud_stub.engines.address import Address
from cloud_stub.engines.engine import Answer, Dialect, Engine, Row, Session
from cloud_stub.engines.sqlite import Sqlite
from cloud_stub.errors import Conflict, DatabaseError

__all__ = ["Asked", "Database", "Row", "Tx", "by_player", "first", "marks"]

P = ParamSpec("P")
T = TypeVar("T")
Tell = Callable[["Tx"], None]


class Asked(Generic[T]):
    """A question that was asked, and its answer once somebody wants it."""

    def __init__(self, answer: Answer, shape: Callable[[list[Row]], T]) -> None:
        self._answer = answer
        self._shape = shape
        self._got: list[T] = []

    def get(self) -> T:
        """The rows in the asker's shape."""
        if not self._got:
            self._got.append(self._shape(self._answer.all()))
        return self._got[0]


def marks(values: Sized) -> str:
    """A `?` for each of them, for `in (…)`; of none there is no row."""
    return ", ".join("?" * len(values)) or "null"


def by_player(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows with a `player_id`, those of each player in their order."""
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["player_id"]].append(row)
    return found


def first(rows: list[Row]) -> Row | None:
    """The first of them, or None."""
    return rows[0] if rows else None


class Tx:
    """One transaction: statements, and what has to be told once it is committed."""

    def __init__(self, session: Session, conflicts: tuple[type[Exception], ...], dialect: Dialect) -> None:
        self._session = session
        self._conflicts = conflicts
        self.dialect = dialect
        self.touched: set[str] = set()  # players whose bucket has a new revision
        self.queues: set[str] = set()  # players whose queue was replaced
        self.rooms: set[str] = set()  # players whose people, votes, rules or songs changed: rank again
        self.heard: set[str] = set()  # players whose box said what sounds
        self.tokens: set[str] = set()  # players whose tokens changed
        self.unlogged: dict[tuple[str, str], set[str] | None] = {}  # (tbl, pk) → players whose log lacks it; None: all
        self.in_hand: dict[tuple[str, str, str], Row] = {}  # (player, tbl, pk) → what the log need not look up
        self.ending: dict[str, Tell] = {}  # what is done once, before the commit

    def ask(self, shape: Callable[[list[Row]], T], sql: str, *args: object) -> Asked[T]:
        """A question whose answer is looked at later: on PostgreSQL all that are open travel together."""
        return Asked(self._session.ask(sql, args), shape)

    def tell(self, sql: str, *args: object) -> None:
        """A write of which nobody asks how many rows it changed: it travels with the next question."""
        self._session.ask(sql, args)

    def one(self, sql: str, *args: object) -> Row | None:
        """The first row, or None."""
        return first(self.all(sql, *args))

    def all(self, sql: str, *args: object) -> list[Row]:
        return self._session.ask(sql, args).all()

    def value(self, sql: str, *args: object) -> Any:
        """The first column of the first row, or None."""
        row = self.one(sql, *args)
        return None if row is None else next(iter(row.values()))

    def run(self, sql: str, *args: object) -> int:
        """How many rows the statement changed."""
        return self._session.ask(sql, args).count()

    def many(self, sql: str, rows: Iterable[tuple[object, ...]]) -> None:
        self._session.many(sql, rows)

    def script(self, text: str) -> None:
        """Several statements without values."""
        self._session.script(text)

    def finish(self) -> None:
        """Do what was left for the end, while it still belongs to the transaction."""
        while self.ending:
            self.ending.pop(next(iter(self.ending)))(self)

    @contextmanager
    def part(self) -> Iterator[None]:
        """A part that is undone alone when it raises. A key that is there twice raises Conflict."""
        self.run("savepoint part")
        try:
            yield
            self._session.settle()
        except BaseException as error:
            self.in_hand.clear()  # some of it will be undone
            self._session.drop()
            self.tell("rollback to savepoint part")
            self.run("release savepoint part")
            if isinstance(error, self._conflicts):
                raise Conflict(str(error)) from error
            raise
        self.tell("release savepoint part")


class Database:
    """Reads and writes. `on_commit` hooks run after each write with its `Tx`, in the event loop where there is one."""

    Error = DatabaseError
    IntegrityError = Conflict

    def __init__(self, where: Path | Address) -> None:
        """A file of SQLite, or the address of a PostgreSQL."""
        self._engine = _engine(where)
        self.on_commit: list[Tell] = []

    @property
    def dialect(self) -> Dialect:
        return self._engine.dialect

    @property
    def is_open(self) -> bool:
        return self._engine.is_open

    def open(self) -> None:
        """Raises SetupError when the database cannot be used."""
        self._engine.open()

    def close(self) -> None:
        self._engine.close()

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """All statements inside see the same moment."""
        with self._translated(), self._engine.reading() as session:
            yield self._tx(session)

    @contextmanager
    def writing(self, alone_in: str | None = None, tell: Tell | None = None) -> Iterator[Tx]:
        """The one write door: all of it is stored when the block ends, or none of it.

        alone_in: the work keeps to rows of this room alone, so that those of other rooms need not wait for it.
        """
        with self._translated(), self._engine.writing(alone_in) as session:
            tx = self._tx(session)
            yield tx
            tx.finish()
        (tell or self._tell)(tx)

    async def read(self, work: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._engine.submit(partial(self._read, lambda tx: work(tx, *args, **kwargs)))

    async def write(self, work: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        todo = partial(self._write, self._teller(), None, lambda tx: work(tx, *args, **kwargs))
        return await self._engine.submit(todo)

    async def write_in(self, room: str, work: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same, of work that keeps to rows of this room alone."""
        todo = partial(self._write, self._teller(), room, lambda tx: work(tx, *args, **kwargs))
        return await self._engine.submit(todo)

    def changed_elsewhere(self) -> bool:
        """Whether another process may have committed since this was last asked."""
        return self._engine.changed_elsewhere()

    def _read(self, work: Callable[[Tx], T]) -> T:
        with self.reading() as tx:
            return work(tx)

    def _write(self, tell: Tell, room: str | None, work: Callable[[Tx], T]) -> T:
        with self.writing(room, tell) as tx:
            return work(tx)

    def _teller(self) -> Tell:
        """Tells in the event loop, before whoever waits for the write goes on, and even if nobody waits any more."""
        if self.dialect == "sqlite":
            return self._tell
        loop = asyncio.get_running_loop()

        def tell(tx: Tx) -> None:
            loop.call_soon_threadsafe(self._tell, tx)

        return tell

    def _tell(self, tx: Tx) -> None:
        for hook in self.on_commit:
            hook(tx)

    def _tx(self, session: Session) -> Tx:
        return Tx(session, self._engine.conflicts, self._engine.dialect)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """The engine's own errors as ours."""
        try:
            yield
        except self._engine.conflicts as error:
            raise Conflict(str(error)) from error
        except self._engine.errors as error:
            raise DatabaseError(str(error)) from error


def _engine(where: Path | Address) -> Engine:
    if isinstance(where, Address):
        from cloud_stub.engines.postgres import Postgres  # psycopg is not everywhere

        return Postgres(where)
    return Sqlite(where)
