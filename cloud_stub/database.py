"""The one door to the database, and the only module that knows which engine is behind it.

Everything else gives it SQL in the common subset of SQLite and PostgreSQL, with `?` for values: ids and moments
are text, vectors and JSON are JSON text. Work is a function of a `Tx`; on SQLite it runs where it is called
(a query takes microseconds, a thread change more).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from cloud_stub.errors import SetupError

Row = dict[str, Any]
P = ParamSpec("P")
T = TypeVar("T")

BUSY_TIMEOUT_MS = 5_000
_PRAGMAS = (
    "journal_mode = wal",
    "synchronous = full",  # facts people made survive a power cut
    "foreign_keys = on",
    f"busy_timeout = {BUSY_TIMEOUT_MS}",
    "journal_size_limit = 16777216",
)


class Tx:
    """One transaction: statements, and what has to be told once it is committed."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self.touched: set[str] = set()  # players whose bucket has a new revision
        self.queues: set[str] = set()  # players whose queue was replaced
        self.rooms: set[str] = set()  # players whose people, votes, rules or songs changed: rank again
        self.tokens: set[str] = set()  # players whose tokens changed

    def one(self, sql: str, *args: object) -> Row | None:
        row = self._conn.execute(sql, args).fetchone()
        return None if row is None else dict(row)

    def all(self, sql: str, *args: object) -> list[Row]:
        return [dict(row) for row in self._conn.execute(sql, args)]

    def value(self, sql: str, *args: object) -> Any:
        """The first column of the first row, or None."""
        row = self._conn.execute(sql, args).fetchone()
        return None if row is None else row[0]

    def run(self, sql: str, *args: object) -> int:
        """How many rows the statement changed."""
        return self._conn.execute(sql, args).rowcount

    def many(self, sql: str, rows: Iterable[tuple[object, ...]]) -> None:
        self._conn.executemany(sql, rows)

    @contextmanager
    def part(self) -> Iterator[None]:
        """A part that is undone alone when it raises."""
        self._conn.execute("savepoint part")
        try:
            yield
        except BaseException:
            self._conn.execute("rollback to savepoint part")
            self._conn.execute("release savepoint part")
            raise
        self._conn.execute("release savepoint part")


class Database:
    """Reads and writes of one SQLite file. `on_commit` hooks run after each write with its `Tx`."""

    IntegrityError = sqlite3.IntegrityError
    Error = sqlite3.Error

    def __init__(self, path: Path) -> None:
        self.path = path
        self.on_commit: list[Callable[[Tx], None]] = []
        self._conn: sqlite3.Connection | None = None
        self._version = 0

    def open(self) -> None:
        """Raises SetupError when the file cannot be opened or written."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            conn = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            for pragma in _PRAGMAS:
                conn.execute(f"pragma {pragma}")
        except (OSError, sqlite3.Error) as error:
            raise SetupError(
                f"cannot open the database {self.path}: {error}; give --data a directory you can write"
            ) from error
        conn.row_factory = sqlite3.Row
        self._conn = conn
        self._version = self._data_version()

    @property
    def is_open(self) -> bool:
        return self._conn is not None

    def close(self) -> None:
        if self._conn is not None:
            self._conn.close()
            self._conn = None

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """All statements inside see the same moment."""
        conn = self._open_conn()
        conn.execute("begin")
        try:
            yield Tx(conn)
        finally:
            conn.execute("commit")

    @contextmanager
    def writing(self) -> Iterator[Tx]:
        """The one write door: all of it is on disk when the block ends, or none of it."""
        conn = self._open_conn()
        conn.execute("begin immediate")
        tx = Tx(conn)
        try:
            yield tx
        except BaseException:
            conn.execute("rollback")
            raise
        conn.execute("commit")
        for hook in self.on_commit:
            hook(tx)

    async def read(self, work: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self.reading() as tx:
            return work(tx, *args, **kwargs)

    async def write(self, work: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self.writing() as tx:
            return work(tx, *args, **kwargs)

    def changed_elsewhere(self) -> bool:
        """Whether another process has committed since this was last asked."""
        version = self._data_version()
        changed, self._version = version != self._version, version
        return changed

    def apply_script(self, script: str, note: str, *args: object) -> None:
        """Run a migration and the statement that notes it, together."""
        with self.writing() as tx:
            for statement in split_statements(script):
                tx.run(statement)
            tx.run(note, *args)

    def _data_version(self) -> int:
        return int(self._open_conn().execute("pragma data_version").fetchone()[0])

    def _open_conn(self) -> sqlite3.Connection:
        if self._conn is None:
            raise SetupError(f"the database {self.path} is not open")
        return self._conn


def split_statements(script: str) -> list[str]:
    """The statements of a script, comments of whole lines left out."""
    statements, lines = [], []
    for line in script.splitlines():
        if line.lstrip().startswith("--") or not line.strip():
            continue
        lines.append(line)
        if sqlite3.complete_statement("\n".join(lines)):
            statements.append("\n".join(lines))
            lines = []
    return statements
