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
from cloud_stub.engines.dialect import adapt, translated
from cloud_stub.engines.engine import Dialect, Row
from cloud_stub.errors import DatabaseError, SetupError

T = TypeVar("T")
Conn = psycopg.Connection[DictRow]

POOL_SIZE = 5  # Supabase's pooler grants about fifteen to a project
CONNECT_TIMEOUT_S = 5
PREPARE_AFTER = 3  # uses of a statement; a prepared one is three times as fast
_FEW = 8  # rows: beyond that psycopg's own way with many is quicker
LEAVE_ALONE_S = 1.0  # after a server refused us: answers 503 at once instead of queueing for the next refusal
# The last one: we follow the log of changes ourselves, so its triggers (031_bucket.sql) need not.
_TOLD = ("lock_timeout = '5s'", "statement_timeout = '20s'", "cosound.keeps_log = 'on'")
_WRITERS_LOCK = 7_260_221  # any number, the same in every copy of this server


class PostgresAnswer:
    """What a statement brings, once it was sent."""

    def __init__(self, session: PostgresSession) -> None:
        self._session = session
        self.cursor: psycopg.Cursor[DictRow] | None = None

    def all(self) -> list[Row]:
        cursor = self.came()
        return cursor.fetchall() if cursor.description else []

    def count(self) -> int:
        return self.came().rowcount

    def came(self) -> psycopg.Cursor[DictRow]:
        if self.cursor is None:
            self._session.settle()
        assert self.cursor is not None, "settling sends all that waits"
        return self.cursor


class PostgresSession:
    """Statements on one connection, within a transaction.

    On a direct connection they are gathered until an answer is looked at, and travel in one round trip (libpq's
    pipeline): that, not the work, is what a statement costs.
    """

    def __init__(self, conn: Conn, *, gathers: bool) -> None:
        self._conn = conn
        self._gathers = gathers
        self._waiting: list[tuple[bytes, Sequence[object] | None, PostgresAnswer]] = []

    def ask(self, sql: str, args: Sequence[object]) -> PostgresAnswer:
        # Without values the text is sent as it is: then `%` is an ordinary sign.
        return self._ask(translated(sql), args) if args else self._ask(sql.encode(), None)

    def settle(self) -> None:
        waiting, self._waiting = self._waiting, []
        if len(waiting) > 1:
            with self._conn.pipeline():
                self._send(waiting)
        else:
            self._send(waiting)

    def many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        wanted = list(rows)
        if len(wanted) <= _FEW:
            for row in wanted:
                self.ask(sql, row)
            return
        self.settle()
        with self._conn.cursor() as cursor:
            cursor.executemany(translated(sql), wanted)

    def script(self, text: str) -> None:
        self.settle()
        self._conn.execute(text.encode())

    def commit(self) -> bool:
        """False when a statement had failed and nobody said so."""
        return self._ask(b"commit", None).came().statusmessage == "COMMIT"

    def _ask(self, sql: bytes, args: Sequence[object] | None) -> PostgresAnswer:
        answer = PostgresAnswer(self)
        self._waiting.append((sql, args, answer))
        if not self._gathers:
            self.settle()
        return answer

    def _send(self, waiting: Sequence[tuple[bytes, Sequence[object] | None, PostgresAnswer]]) -> None:
        for sql, args, answer in waiting:
            answer.cursor = self._conn.execute(sql, args)


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

    @contextmanager
    def _transaction(self, *begin: str) -> Iterator[PostgresSession]:
        conn = self._begun(begin)
        session = PostgresSession(conn, gathers=_is_direct(conn))
        try:
            yield session
            if not session.commit():
                raise DatabaseError("the transaction had failed: nothing was stored")
        except BaseException:
            with suppress(psycopg.Error):
                conn.execute("rollback")
            raise
        finally:
            self._give_back(conn)

    def _begun(self, begin: Sequence[str]) -> Conn:
        """A connection in a new transaction. One that was cut while it lay idle is replaced."""
        while True:
            conn, is_fresh = self._take()
            try:
                told = () if _is_direct(conn) else (f"set local {setting}" for setting in _TOLD)
                conn.execute("; ".join((begin[0], *told, *begin[1:])).encode())
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
            conn.execute("; ".join(f"set {setting}" for setting in _TOLD).encode())
        return conn


def _is_direct(conn: Conn) -> bool:
    """Whether the same server process hears all we say on it, so that it may be told things once."""
    return conn.prepare_threshold is not None


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
