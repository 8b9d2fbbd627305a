"""The one SQLite file: how it is opened, the one door for writes, and how a commit wakes the others."""

from __future__ import annotations

import ctypes
import select
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlite_utils

from appliance.bell import Bell
from appliance.errors import SetupError, StoreBusy, StoreDamaged, TransientError
from appliance.space import READ_ONLY, is_read_only
from appliance.store.checkup import was_left_open
from appliance.store.schema import MIGRATIONS
from appliance.store.tenancy import Tenancy

BUSY_TIMEOUT_S = 5.0
PAGE_BYTES = 1024  # a fact touches seven pages, and each goes to the card whole: of 4 KiB they wrote half as much again
LOG_BYTES = 4 << 20  # how long the log grows before it is taken into the file, and begun anew
LOOK_AGAIN_S = 1.0
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Database:
    """A connection of ours under sqlite-utils, in WAL mode.

    `write()` is the only way to change anything: sqlite-utils' own transactions begin deferred, and of 1600
    read-then-write transactions by four processes 1098 then failed; `BEGIN IMMEDIATE` lost none.
    """

    def __init__(self, path: Path, bell: Bell | None = None, tenancy: Tenancy | None = None) -> None:
        """tenancy: held until `close`; by it the processes tell one another that the file is damaged.

        Raises SetupError when the file cannot be opened, StoreDamaged when it is no sound database.
        """
        self.path = path
        self.bell = bell
        self._tenancy = tenancy
        self.read_only = is_read_only(path.parent)  # until `check` says that it is not any more
        self.conn = _connect(path, frozen=self.read_only and _is_whole(path))
        self._inode = path.stat().st_ino
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
        when the disk is full or refuses, StoreDamaged when the file is; then nothing of it is acknowledged.
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
            if isinstance(error, sqlite3.DatabaseError):
                self._explain(error)
            raise
        finally:
            self._depth = 0
        self._check_place()
        self.ring()

    def ring(self) -> None:
        """Tell the others to look again; for news that stands in no table, too."""
        if self.bell:
            self.bell.ring()

    def rows(self, sql: str, *args: object) -> list[sqlite3.Row]:
        """Read everything the query answers; no cursor stays open, so no checkpoint is held up."""
        with self._reading():
            return self.conn.execute(sql, args).fetchall()

    def row(self, sql: str, *args: object) -> sqlite3.Row | None:
        with self._reading():
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
        """Sleep until somebody commits, at most `timeout_s`. True when there is something new to read.

        Raises StoreDamaged when the file must be rescued, by us or as another process found.
        """
        left_s = timeout_s
        while True:
            self.check()
            nap_s = min(left_s, LOOK_AGAIN_S)
            rung = self.bell.heard(nap_s) if self.bell else bool(select.select([], [], [], nap_s)[0])
            if self._changed() or rung:
                return True
            left_s -= nap_s
            if left_s <= 0:
                return False

    def check(self) -> None:
        """Raise StoreDamaged when the file must be rescued or was replaced. Cheap; whoever does not `wait` asks it
        about once a second: an opener that stays keeps everybody from the rescue."""
        self._check_place()
        if self._tenancy and self._tenancy.is_doubted():
            raise StoreDamaged(f"{self.path} was found damaged")
        if self.read_only and not is_read_only(self.path.parent):
            raise StoreDamaged(f"{self.path} can be written again")

    def tidy(self, keep_log_bytes: int = 0) -> None:
        """Give the log's room back and refresh what the planner knows, now or not at all: a checkpoint that waits
        for a reader keeps every writer waiting with it.

        keep_log_bytes: a log up to this long keeps its room: to grow anew costs the card more than to be written over.
        """
        how = "truncate" if self._log_bytes() > keep_log_bytes else "passive"
        self.conn.execute("pragma busy_timeout=0")
        try:
            with suppress(sqlite3.OperationalError):
                self.conn.execute(f"pragma wal_checkpoint({how})").fetchall()
                self.conn.execute("pragma optimize").fetchall()
        finally:
            self.conn.execute(f"pragma busy_timeout={round(BUSY_TIMEOUT_S * 1000)}")

    def _log_bytes(self) -> int:
        log = self.path.with_name(f"{self.path.name}-wal")
        return log.stat().st_size if log.exists() else 0

    def close(self) -> None:
        if self._is_in_place():
            self.conn.close()
        else:
            # SQLite would remove the log by its name, and that is now the other file's. So it stays open to the end.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.conn))
        if self._tenancy:
            self._tenancy.leave()
        if self.bell:
            self.bell.close()

    def _begin(self) -> None:
        with self._reading():
            self.conn.execute("begin immediate")

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if not self._depth:  # else `write` explains it, after its rollback
                self._explain(error)
            raise

    def _explain(self, error: sqlite3.DatabaseError) -> None:
        """Raise what the disk or another process refused in words of ours; return when it is a bug instead."""
        explained = _explained(self.path, error)
        if isinstance(explained, StoreDamaged) and self._tenancy:
            self._tenancy.doubt()
        if explained is not None:
            raise explained from error

    def _check_place(self) -> None:
        """What is written to a file that was moved away is lost to the others: never acknowledge it."""
        if not self._is_in_place():
            raise StoreDamaged(f"{self.path} was replaced by another file")

    def _is_in_place(self) -> bool:
        try:
            return self.path.stat().st_ino == self._inode
        except OSError:
            return False

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
        with self._reading():
            return int(self.conn.execute("pragma data_version").fetchone()[0])

    def _migrate(self) -> None:
        applied = self._applied()
        for name, script in MIGRATIONS:
            if name not in applied:
                self._apply(name, script)

    def _applied(self) -> set[str]:
        if not self.row("select 1 from sqlite_master where name = 'migrations'"):
            return set()
        return {str(row[0]) for row in self.rows("select name from migrations")}

    def _apply(self, name: str, script: str) -> None:
        with self.write() as conn:
            conn.execute("create table if not exists migrations (name text primary key)")
            if conn.execute("select 1 from migrations where name = ?", (name,)).fetchone():
                return  # another process was faster
            for statement in script.split(";"):
                if statement.strip():
                    conn.execute(statement)
            conn.execute("insert into migrations (name) values (?)", (name,))


def _is_whole(path: Path) -> bool:
    """Whoever had it open last closed it: all is in the one file."""
    shared = path.with_name(f"{path.name}-shm")
    return path.exists() and not shared.exists() and not was_left_open(path)


def _connect(path: Path, *, frozen: bool) -> sqlite3.Connection:
    """frozen: nothing can change it. SQLite could not make the files that its users share, and needs none then."""
    address = path.absolute().as_uri() + ("?mode=ro&immutable=1" if frozen else "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        conn = sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            _set_up(conn)
        except BaseException:
            conn.close()
            raise
    except (OSError, sqlite3.DatabaseError) as error:
        if isinstance(error, sqlite3.DatabaseError) and error.sqlite_errorcode & 0xFF in _DAMAGED:
            raise StoreDamaged(f"the box's database {path} is damaged ({error})") from error
        raise SetupError(f"cannot open the box's database {path}: {error}; is its directory writable?") from error
    return conn


def _set_up(conn: sqlite3.Connection) -> None:
    conn.row_factory = sqlite3.Row
    conn.execute(f"pragma page_size={PAGE_BYTES}")  # of a new file; an older one keeps its own
    _use_wal(conn)
    conn.execute(f"pragma wal_autocheckpoint={LOG_BYTES // PAGE_BYTES}")
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


def _explained(path: Path, error: sqlite3.DatabaseError) -> TransientError | None:
    """What the disk or another process refused, in words; None for any other error, which is a bug of ours."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # errors of Python's own layer have none
    if code in _DAMAGED or "Could not decode to UTF-8" in str(error):
        return StoreDamaged(f"{path} is damaged ({error})")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusy(f"{path} is held by another process: nothing was stored, try again")
    if code == sqlite3.SQLITE_FULL:
        return TransientError(f"the disk under {path} is full: nothing was stored, make room")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        if is_read_only(path.parent):
            return TransientError(f"{path.parent} {READ_ONLY}; nothing was stored")
        return TransientError(f"{path} cannot be written ({error}): nothing was stored, look at the disk")
    return None
