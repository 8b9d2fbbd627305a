"""SQLite: one file, one connection, work done where it is called (a query takes microseconds, a thread change more)."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from cloud_stub.engines.engine import Dialect, Row
from cloud_stub.errors import Busy, SetupError

T = TypeVar("T")

BUSY_TIMEOUT_MS = 5_000
ASK_AGAIN_S = 0.01  # whether somebody else's write is over
_PRAGMAS = (
    "journal_mode = wal",
    "synchronous = full",  # facts people made survive a power cut
    "foreign_keys = on",
    f"busy_timeout = {BUSY_TIMEOUT_MS}",
    "journal_size_limit = 16777216",
)


class SqliteAnswer:
    """The rows of a statement that was run."""

    def __init__(self, rows: list[Row], count: int) -> None:
        self._rows = rows
        self._count = count

    def all(self) -> list[Row]:
        return self._rows

    def count(self) -> int:
        return self._count


class SqliteSession:
    """Statements on the one connection."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    def ask(self, sql: str, args: Sequence[object]) -> SqliteAnswer:
        cursor = self._conn.execute(sql, args)
        rows = [dict(row) for row in cursor]
        return SqliteAnswer(rows, cursor.rowcount)

    def settle(self) -> None:
        """Nothing waits here."""

    def drop(self) -> None:
        """The same."""

    def many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        self._conn.executemany(sql, rows)

    def script(self, text: str) -> None:
        for statement in split_statements(text):
            self._conn.execute(statement)


class Sqlite:
    """Reads and writes of one file."""

    dialect: Dialect = "sqlite"
    errors: tuple[type[Exception], ...] = (sqlite3.Error,)
    conflicts: tuple[type[Exception], ...] = (
        sqlite3.IntegrityError, sqlite3.DataError, OverflowError, UnicodeEncodeError,
    )  # fmt: skip

    def __init__(self, path: Path) -> None:
        self.path = path
        self._conn: sqlite3.Connection | None = None
        self._version = 0
        self._may_block = True

    @property
    def is_open(self) -> bool:
        return self._conn is not None

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

    def close(self) -> None:
        if self._conn is not None:
            self._conn.close()
            self._conn = None

    @contextmanager
    def reading(self) -> Iterator[SqliteSession]:
        conn = self._open_conn()
        conn.execute("begin")
        try:
            yield SqliteSession(conn)
        finally:
            conn.execute("commit")

    @contextmanager
    def writing(self, alone_in: str | None = None) -> Iterator[SqliteSession]:
        """Nobody else writes meanwhile, whatever the room: the lock is the file's."""
        conn = self._open_conn()
        self._begin_writing(conn)
        try:
            yield SqliteSession(conn)
        except BaseException:
            conn.execute("rollback")
            raise
        conn.execute("commit")

    async def submit(self, work: Callable[[], T]) -> T:
        """Here and now; but while another process writes, whoever need not write is answered."""
        deadline_s = time.monotonic() + BUSY_TIMEOUT_MS / 1000
        while True:
            self._may_block = False
            try:
                return work()
            except Busy:
                if time.monotonic() >= deadline_s:
                    raise
            finally:
                self._may_block = True
            await asyncio.sleep(ASK_AGAIN_S)

    def changed_elsewhere(self) -> bool:
        """Whether another process has committed since this was last asked."""
        version = self._data_version()
        changed, self._version = version != self._version, version
        return changed

    def _begin_writing(self, conn: sqlite3.Connection) -> None:
        """Raises Busy when another process writes and we may not wait for it."""
        if self._may_block:
            conn.execute("begin immediate")
            return
        conn.execute("pragma busy_timeout = 0")
        try:
            conn.execute("begin immediate")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            raise Busy(f"another process writes to {self.path}") from error
        finally:
            conn.execute(f"pragma busy_timeout = {BUSY_TIMEOUT_MS}")

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
