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
from typing import Any, TypeVar

import psycopg
from psycopg.rows import DictRow, dict_row

from cloud_stub.engines.address import POOLER_PORT, Address
from cloud_stub.engines.cures import cure_for
from cloud_stub.engines.dialect import adapt, translated
from cloud_stub.engines.engine import Dialect, Row
from cloud_stub.errors import DatabaseError, SetupError

T = TypeVar("T")
Conn = psycopg.Connection[DictRow]

POOL_SIZE = 5  # Supabase's pooler grants about fifteen to a project
CONNECT_TIMEOUT_S = 5
PREPARE_AFTER = 3  # uses of a statement; a prepared one is three times as fast
LEAVE_ALONE_S = 1.0  # after a server refused us: answers 503 at once instead of queueing for the next refusal
_LIMITS = "set local lock_timeout = '5s'; set local statement_timeout = '20s'"
_WRITERS_LOCK = 7_260_221  # any number, the same in every copy of this server


class PostgresSession:
    """Statements on one connection, within a transaction."""

    def __init__(self, conn: Conn) -> None:
        self._conn = conn

    def one(self, sql: str, args: Sequence[object]) -> Row | None:
        return self._execute(sql, args).fetchone()

    def all(self, sql: str, args: Sequence[object]) -> list[Row]:
        return self._execute(sql, args).fetchall()

    def value(self, sql: str, args: Sequence[object]) -> Any:
        row = self._execute(sql, args).fetchone()
        return None if row is None else next(iter(row.values()))

    def run(self, sql: str, args: Sequence[object]) -> int:
        return self._execute(sql, args).rowcount

    def many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        wanted = list(rows)
        if not wanted:
            return
        with self._conn.cursor() as cursor:
            cursor.executemany(translated(sql), wanted)

    def script(self, text: str) -> None:
        self._conn.execute(text.encode())

    def _execute(self, sql: str, args: Sequence[object]) -> psycopg.Cursor[DictRow]:
        # Without values the text is sent as it is: then `%` is an ordinary sign.
        return self._conn.execute(translated(sql), args) if args else self._conn.execute(sql.encode())


class Postgres:
    """A pool of connections to one database."""

    dialect: Dialect = "postgres"
    errors: tuple[type[Exception], ...] = (
        psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.UndefinedTable,
        psycopg.errors.UndefinedColumn, psycopg.errors.InsufficientPrivilege,
    )  # fmt: skip
    conflicts: tuple[type[Exception], ...] = (
        psycopg.IntegrityError, psycopg.DataError, OverflowError, UnicodeEncodeError,
    )  # fmt: skip

    def __init__(self, address: Address, size: int = POOL_SIZE) -> None:
        self._address = address
        self._size = size
        self._idle: queue.LifoQueue[Conn] = queue.LifoQueue()
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
                self._idle.get_nowait().close()

    @contextmanager
    def reading(self) -> Iterator[PostgresSession]:
        with self._transaction(f"begin isolation level repeatable read, read only; {_LIMITS}") as session:
            yield session

    @contextmanager
    def writing(self, alone_in: str | None = None) -> Iterator[PostgresSession]:
        """Writers come one after the other, in every copy of us, so that what they read stays true until they commit.

        Those who keep to one room's own rows (`alone_in`) wait for those of the same room and for the others.
        """
        with self._transaction(f"begin; {_LIMITS}; {_locks(alone_in)}") as session:
            yield session

    def submit(self, work: Callable[[], T]) -> Awaitable[T]:
        if self._threads is None:
            raise SetupError(f"the database {self._address.label} is not open")
        return asyncio.get_running_loop().run_in_executor(self._threads, work)

    def changed_elsewhere(self) -> bool:
        """Always: a pooler carries no notifications, so whoever asks looks at the revisions."""
        return True

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[PostgresSession]:
        conn = self._begun(begin)
        try:
            yield PostgresSession(conn)
            if conn.execute("commit").statusmessage != "COMMIT":  # a statement failed and nobody said so
                raise DatabaseError("the transaction had failed: nothing was stored")
        except BaseException:
            with suppress(psycopg.Error):
                conn.execute("rollback")
            raise
        finally:
            self._give_back(conn)

    def _begun(self, begin: str) -> Conn:
        """A connection in a new transaction. One that was cut while it lay idle is replaced."""
        while True:
            conn, is_fresh = self._take()
            try:
                conn.execute(begin.encode())
            except psycopg.Error:
                is_cut = conn.broken or conn.closed
                if not is_cut:
                    with suppress(psycopg.Error):
                        conn.execute("rollback")
                self._give_back(conn)
                if is_fresh or not is_cut:
                    raise
            else:
                return conn

    def _take(self) -> tuple[Conn, bool]:
        with suppress(queue.Empty):
            return self._idle.get_nowait(), False
        with self._lock:
            if time.monotonic() - self._refused_s < LEAVE_ALONE_S:
                raise DatabaseError(f"the database {self._address.label} cannot be reached")
        try:
            return self._connect(), True
        except psycopg.OperationalError:
            with self._lock:
                self._refused_s = time.monotonic()
            raise

    def _give_back(self, conn: Conn) -> None:
        in_use = conn.info.transaction_status != psycopg.pq.TransactionStatus.IDLE
        if conn.broken or conn.closed or in_use or self._idle.qsize() >= self._size:
            conn.close()
        else:
            self._idle.put(conn)

    def _connect(self) -> Conn:
        given = {"connect_timeout": CONNECT_TIMEOUT_S, **self._address.parameters()}
        conn = psycopg.Connection[DictRow].connect(
            **given,  # type: ignore[arg-type]  # libpq's own names
            autocommit=True, row_factory=dict_row, prepare_threshold=None,
        )  # fmt: skip
        adapt(conn)
        if self._address.port != POOLER_PORT and _speaks_for_itself(conn):
            conn.prepare_threshold = PREPARE_AFTER
        return conn


def _speaks_for_itself(conn: Conn) -> bool:
    """Whether the process that greeted us is the one that answers: behind a pooler it is another."""
    row = conn.execute("select pg_backend_pid() as pid").fetchone()
    return row is not None and row["pid"] == conn.info.backend_pid


def _locks(room: str | None) -> str:
    """Advisory locks of the transaction: they end with it, so they hold on a pooler too."""
    if room is None:
        return f"select pg_advisory_xact_lock({_WRITERS_LOCK})"
    number = int.from_bytes(sha256(room.encode()).digest()[:4], "big", signed=True)
    return f"select pg_advisory_xact_lock_shared({_WRITERS_LOCK}), pg_advisory_xact_lock(1, {number})"
