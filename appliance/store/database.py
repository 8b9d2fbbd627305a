"""The one SQLite file: how it is opened, the one door for writes, and how a commit wakes the others."""

from __future__ import annotations

import select
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlite_utils

from appliance.bell import Bell
from appliance.errors import SetupError, StoreBusy, TransientError
from appliance.store.schema import MIGRATIONS

BUSY_TIMEOUT_S = 5.0
LOOK_AGAIN_S = 1.0


class Database:
    """A connection of ours under sqlite-utils, in WAL mode.

    `write()` is the only way to change anything: sqlite-utils' own transactions begin deferred, and of 1600
    read-then-write transactions by four processes 1098 then failed; `BEGIN IMMEDIATE` lost none.
    """

    def __init__(self, path: Path, bell: Bell | None = None) -> None:
        self.path = path
        self.bell = bell
        self.conn = _connect(path)
        self.tables = sqlite_utils.Database(self.conn, execute_plugins=False)
        self._durable = True
        self._depth = 0
        self._migrate()
        self._seen_version = self._data_version()

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """One transaction, taken at once. A nested `write` joins the outer one.

        durable: True waits for the disk (facts people made); False may lose the last commits to a power cut
        but never tears the file (caches, scenes).
        Raises StoreBusy when another process holds the file for longer than the busy timeout, TransientError
        when the disk is full or refuses; then nothing of it is stored.
        """
        if self._depth:
            if durable and not self._durable:
                raise RuntimeError("a durable write inside a hasty one would be as hasty: begin with the durable one")
            yield self.conn
            return
        self._set_durable(durable)
        self._begin()
        self._depth = 1
        try:
            yield self.conn
            self.conn.execute("commit")
        except BaseException as error:
            with suppress(sqlite3.Error):
                self.conn.execute("rollback")  # or no later transaction could begin
            if isinstance(error, sqlite3.OperationalError):
                raise _explained(self.path, error) from error
            raise
        finally:
            self._depth = 0
        if self.bell:
            self.bell.ring()

    def rows(self, sql: str, *args: object) -> list[sqlite3.Row]:
        """Read everything the query answers; no cursor stays open, so no checkpoint is held up."""
        return self.conn.execute(sql, args).fetchall()

    def row(self, sql: str, *args: object) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self.conn.execute(sql, args).fetchone()
        return found

    def value(self, sql: str, *args: object) -> object:
        """The first column of the first row, or None."""
        found = self.row(sql, *args)
        return None if found is None else found[0]

    def count(self, sql: str, *args: object) -> int:
        found = self.value(sql, *args)
        return int(found) if isinstance(found, int) else 0

    def wait(self, timeout_s: float) -> bool:
        """Sleep until somebody commits, at most `timeout_s`. True when there is something new to read."""
        left_s = timeout_s
        while True:
            nap_s = min(left_s, LOOK_AGAIN_S)
            rung = self.bell.heard(nap_s) if self.bell else bool(select.select([], [], [], nap_s)[0])
            if self._changed() or rung:
                return True
            left_s -= nap_s
            if left_s <= 0:
                return False

    def tidy(self) -> None:
        """Give the log's room back and refresh what the planner knows, now or not at all: a checkpoint that waits
        for a reader keeps every writer waiting with it."""
        self.conn.execute("pragma busy_timeout=0")
        try:
            with suppress(sqlite3.OperationalError):
                self.conn.execute("pragma wal_checkpoint(truncate)").fetchall()
                self.conn.execute("pragma optimize").fetchall()
        finally:
            self.conn.execute(f"pragma busy_timeout={round(BUSY_TIMEOUT_S * 1000)}")

    def close(self) -> None:
        self.conn.close()
        if self.bell:
            self.bell.close()

    def _begin(self) -> None:
        try:
            self.conn.execute("begin immediate")
        except sqlite3.OperationalError as error:
            raise _explained(self.path, error) from error

    def _set_durable(self, durable: bool) -> None:
        if durable != self._durable:
            self.conn.execute(f"pragma synchronous={'full' if durable else 'normal'}")
            self._durable = durable

    def _changed(self) -> bool:
        version = self._data_version()
        changed = version != self._seen_version
        self._seen_version = version
        return changed

    def _data_version(self) -> int:
        return int(self.conn.execute("pragma data_version").fetchone()[0])

    def _migrate(self) -> None:
        applied = self._applied()
        for name, script in MIGRATIONS:
            if name not in applied:
                self._apply(name, script)

    def _applied(self) -> set[str]:
        with suppress(sqlite3.OperationalError):
            return {str(row[0]) for row in self.rows("select name from migrations")}
        return set()

    def _apply(self, name: str, script: str) -> None:
        with self.write() as conn:
            conn.execute("create table if not exists migrations (name text primary key)")
            if conn.execute("select 1 from migrations where name = ?", (name,)).fetchone():
                return  # another process was faster
            for statement in script.split(";"):
                if statement.strip():
                    conn.execute(statement)
            conn.execute("insert into migrations (name) values (?)", (name,))


def _connect(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        conn = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            _set_up(conn)
        except BaseException:
            conn.close()
            raise
    except (OSError, sqlite3.OperationalError) as error:
        raise SetupError(f"cannot open the box's database {path}: {error}; is its directory writable?") from error
    except sqlite3.DatabaseError as error:
        raise SetupError(f"the box's database {path} is damaged ({error}): move it away and start again") from error
    return conn


def _set_up(conn: sqlite3.Connection) -> None:
    conn.row_factory = sqlite3.Row
    _use_wal(conn)
    conn.execute("pragma synchronous=full")
    conn.execute("pragma foreign_keys=on")
    conn.execute(f"pragma journal_size_limit={8 << 20}")


def _use_wal(conn: sqlite3.Connection) -> None:
    """Two who open a new file at once are in each other's way here, and SQLite does not wait by itself."""
    give_up_s = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            conn.execute("pragma journal_mode=wal")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_s:
                raise
            time.sleep(0.01)


def _explained(path: Path, error: sqlite3.OperationalError) -> Exception:
    """What the disk or another process refused, in words; any other error is a bug of ours and stays as it is."""
    code = error.sqlite_errorcode & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusy(f"{path} is held by another process: nothing was stored, try again")
    if code == sqlite3.SQLITE_FULL:
        return TransientError(f"the disk under {path} is full: nothing was stored, make room")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        return TransientError(f"{path} cannot be written ({error}): nothing was stored, look at the disk")
    return error
