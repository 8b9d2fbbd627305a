"""PostgreSQL: a few connections, each used by one thread at a time, so that a slow answer holds up nobody else.

Everything a connection is told lasts for one transaction, and nothing is prepared on a pooler: any statement may
reach another server process than the last (`?pgbouncer=true`, Supabase's port 6543).
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import TypeVar

import psycopg
from psycopg.rows import DictRow, dict_row

from cloud_stub.engines.address import POOLER_PORT, Address
from cloud_stub.engines.cures import cure_for
from cloud_stub.engines.dialect import adapt
from cloud_stub.engines.engine import Dialect, Row
from cloud_stub.engines.lines import Came, Line, Pooled, Statement, is_cut, is_in_transaction
from cloud_stub.engines.pipeline import Pipeline
from cloud_stub.errors import DatabaseError, SetupError

T = TypeVar("T")

POOL_SIZE = 5  # Supabase's pooler grants about fifteen to a project
CONNECT_TIMEOUT_S = 5
_TOGETHER = 500  # statements: more than that wait for what they bring
LEAVE_ALONE_S = 1.0  # after a server refused us: answers 503 at once instead of queueing for the next refusal
# The last one: we follow the log of changes ourselves, so its triggers (031_bucket.sql) need not.
_TOLD = ("lock_timeout = '5s'", "statement_timeout = '20s'", "cosound.keeps_log = 'on'")
_WRITERS_LOCK = 7_260_221  # any number, the same in every copy of this server


class PostgresAnswer:
    """What a statement brings, once it was sent."""

    def __init__(self, session: PostgresSession) -> None:
        self._session = session
        self.came: Came | None = None

    def all(self) -> list[Row]:
        return self._look().rows

    def count(self) -> int:
        return self._look().count

    def said(self) -> str:
        """The server's word."""
        return self._look().said

    def _look(self) -> Came:
        if self.came is None:
            self._session.settle()
        assert self.came is not None, "settling sends all that waits"
        return self.came


class PostgresSession:
    """Statements of one transaction, which begins with the first of them.

    Nobody waits for them until an answer is looked at, where the line can do without: that wait, not the work, is what
    a statement costs, and meanwhile the server works on what was sent.
    """

    def __init__(self, pool: Postgres, begin: Sequence[str]) -> None:
        self._pool = pool
        self._begin = begin
        self._line, self._is_fresh = pool.take()
        self._has_begun = False
        self._unsent: list[Statement] = []
        self._waiting: list[PostgresAnswer] = []  # to what was sent, then to what was not

    def ask(self, sql: str, args: Sequence[object]) -> PostgresAnswer:
        if self._has_begun:
            self._line.send((sql, args))
        else:
            self._unsent.append((sql, args))
        answer = PostgresAnswer(self)
        self._waiting.append(answer)
        return answer

    def settle(self) -> None:
        waiting, self._waiting = self._waiting, []
        unsent, self._unsent = self._unsent, []
        if waiting:
            for answer, came in zip(waiting, self._exchange(unsent), strict=True):
                answer.came = came

    def drop(self) -> None:
        self._unsent.clear()
        self._waiting.clear()
        with suppress(psycopg.Error):
            self._line.exchange([])

    def many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        for row in rows:
            self.ask(sql, row)
            if len(self._waiting) >= _TOGETHER:
                self.settle()

    def script(self, text: str) -> None:
        self._settle_all()
        self._line.conn.execute(text.encode())

    def commit(self) -> bool:
        """False when a statement had failed and nobody said so."""
        if not self._has_begun:
            if not self._waiting:
                return True
            self.settle()  # a connection that was cut is replaced: never with a commit under way
        return self.ask("commit", ()).said() == "COMMIT"

    def roll_back(self) -> None:
        self.drop()
        if self._has_begun:
            with suppress(psycopg.Error):
                self._line.exchange([("rollback", ())])

    def close(self) -> None:
        self._pool.give_back(self._line)

    @property
    def is_cut(self) -> bool:
        """Whether the connection is lost."""
        return is_cut(self._line)

    def _settle_all(self) -> None:
        """Also where nothing was asked yet."""
        self.settle()
        if not self._has_begun:
            self._exchange([])

    def _exchange(self, statements: Sequence[Statement]) -> list[Came]:
        if self._has_begun:
            return self._line.exchange(statements)
        while True:
            begin = self._line.begin(self._begin)
            try:
                return self._line.exchange([*begin, *statements])[len(begin) :]
            except psycopg.Error:
                if self._is_fresh or not is_cut(self._line):
                    raise
                self._pool.give_back(self._line)  # it was cut while it lay idle
                self._line, self._is_fresh = self._pool.take()
            finally:
                self._has_begun = is_in_transaction(self._line)


class Postgres:
    """A pool of connections to one database."""

    dialect: Dialect = "postgres"
    errors: tuple[type[Exception], ...] = (
        psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.UndefinedTable,
        psycopg.errors.UndefinedColumn, psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction,
    )  # fmt: skip
    conflicts: tuple[type[Exception], ...] = (
        psycopg.IntegrityError, psycopg.DataError, OverflowError, UnicodeEncodeError,
    )  # fmt: skip

    def __init__(self, address: Address, size: int = POOL_SIZE) -> None:
        self._address = address
        self._size = size
        self._idle: queue.LifoQueue[Line] = queue.LifoQueue()
        self._threads: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._refused_s = 0.0

    @property
    def is_open(self) -> bool:
        return self._threads is not None

    def open(self) -> None:
        """Raises SetupError, with what to change, when the database cannot be reached."""
        try:
            self._idle.put(self._connect())
        except psycopg.Error as error:
            raise SetupError(cure_for(self._address, error)) from error
        self._threads = ThreadPoolExecutor(self._size, "postgres")

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=True)
            self._threads = None
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().conn.close()

    @contextmanager
    def reading(self) -> Iterator[PostgresSession]:
        with self._transaction("begin isolation level repeatable read, read only") as session:
            yield session

    @contextmanager
    def writing(self, alone_in: str | None = None) -> Iterator[PostgresSession]:
        """Writers come one after the other, in every copy of us, so that what they read stays true until they commit.

        Those who keep to one room's own rows (`alone_in`) wait for those of the same room and for the others.
        """
        with self._transaction("begin", _locks(alone_in)) as session:
            yield session

    def submit(self, work: Callable[[], T]) -> Awaitable[T]:
        if self._threads is None:
            raise SetupError(f"the database {self._address.label} is not open")
        return asyncio.get_running_loop().run_in_executor(self._threads, work)

    def changed_elsewhere(self) -> bool:
        """Always: a pooler carries no notifications, so whoever asks looks at the revisions."""
        return True

    def take(self) -> tuple[Line, bool]:
        """A connection, and whether it is a new one."""
        with suppress(queue.Empty):
            return self._idle.get_nowait(), False
        with self._lock:
            if time.monotonic() - self._refused_s < LEAVE_ALONE_S:
                raise DatabaseError(f"the database {self._address.label} cannot be reached")
        try:
            return self._connect(), True
        except psycopg.Error as error:
            with self._lock:
                self._refused_s = time.monotonic()
            raise DatabaseError(str(error)) from error

    def give_back(self, line: Line) -> None:
        if is_cut(line) or is_in_transaction(line) or self._idle.qsize() >= self._size:
            line.conn.close()
        else:
            self._idle.put(line)

    @contextmanager
    def _transaction(self, *begin: str) -> Iterator[PostgresSession]:
        session = PostgresSession(self, begin)
        try:
            yield session
            if not session.commit():
                raise DatabaseError("the transaction had failed: nothing was stored")
        except BaseException as error:
            was_cut = session.is_cut
            session.roll_back()
            if was_cut and isinstance(error, psycopg.Error):  # libpq's own words have no code: it may be of any kind
                raise DatabaseError(str(error)) from error
            raise
        finally:
            session.close()

    def _connect(self) -> Line:
        given = {"connect_timeout": CONNECT_TIMEOUT_S, **self._address.parameters()}
        conn = psycopg.Connection[DictRow].connect(
            **given,  # type: ignore[arg-type]  # libpq's own names
            autocommit=True, row_factory=dict_row, prepare_threshold=None,
        )  # fmt: skip
        adapt(conn)
        if self._address.port == POOLER_PORT or not _speaks_for_itself(conn):
            return Pooled(conn, _TOLD)
        conn.execute("; ".join(f"set {setting}" for setting in _TOLD).encode())
        return Pipeline(conn)


def _speaks_for_itself(conn: psycopg.Connection[DictRow]) -> bool:
    """Whether the process that greeted us is the one that answers: behind a pooler it is another."""
    row = conn.execute("select pg_backend_pid() as pid").fetchone()
    return row is not None and row["pid"] == conn.info.backend_pid


def _locks(room: str | None) -> str:
    """Advisory locks of the transaction: they end with it, so they hold on a pooler too."""
    if room is None:
        return f"select pg_advisory_xact_lock({_WRITERS_LOCK})"
    number = int.from_bytes(sha256(room.encode()).digest()[:4], "big", signed=True)
    return f"select pg_advisory_xact_lock_shared({_WRITERS_LOCK}), pg_advisory_xact_lock(1, {number})"
