"""Whether the database is sound: quickly before it is opened after a crash, thoroughly later beside the work."""

from __future__ import annotations

import logging
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from appliance.store.schema import MIGRATIONS
from appliance.store.tenancy import Tenancy

log = logging.getLogger(__name__)

UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)  # SQLite's message may quote torn text, and not decode
LONGEST_REASON = 160
LATER_S = 30.0
AGAIN_S = 86_400.0
ALLOWED = {"integer": "'integer', 'null'", "real": "'real', 'integer', 'null'", "text": "'text', 'null'"}
# What our readers take for JSON without asking. An op's body may be torn: it travels, and is refused alone.
JSON_COLUMNS = {
    "votes": ("learnt_from",),
    "profiles": ("preference_vector", "taste_state"),
    "control": ("value",),
    "settings": ("value",),
    "songs": ("embedding",),
}


def was_left_open(path: Path) -> bool:
    """Whether its last users crashed: who closes it last takes the log into the file."""
    return _size(wal_of(path)) > 0


def find_damage(path: Path, *, thorough: bool) -> str | None:
    """What is wrong with the file, None when nothing is found. Reads all of it.

    thorough: also compares every index with its table and looks at what must be JSON, which finds most single
    wrong bits; the quick way finds what breaks the structure.
    """
    if _size(path) == 0:
        return "it is empty, but its log is not" if was_left_open(path) else None
    try:
        with closing(sqlite3.connect(path, timeout=1.0, isolation_level=None)) as conn:
            conn.text_factory = _any_text
            check = "integrity_check" if thorough else "quick_check"
            found = conn.execute(f"pragma {check}(1)").fetchone()[0]
            if found == "ok":
                found = wrong_schema(conn) or (thorough and _torn_value(conn)) or "ok"
    except sqlite3.OperationalError:
        return None  # held, or the disk refuses: this says nothing about what is in it
    except UNREADABLE as error:
        return " ".join(str(error).split())[:LONGEST_REASON]
    return None if found == "ok" else " ".join(str(found).split())[:LONGEST_REASON]


def wrong_schema(conn: sqlite3.Connection) -> str | None:
    """A table or index that is not described as the file's own migrations made it. Raises sqlite3.Error."""
    applied = {row[0] for row in conn.execute("select name from migrations")}
    with closing(sqlite3.connect(":memory:")) as model:
        for name, script in MIGRATIONS:
            if name in applied:
                model.executescript(script)
        wanted = _described(model)
    wrong = wanted - _described(conn)
    return f"{min(wrong)[0]} is not the table or index it should be" if wrong else None


def _described(conn: sqlite3.Connection) -> set[tuple[str, str]]:
    rows = conn.execute("select name, sql from sqlite_master where sql is not null")
    return {(row[0], " ".join(row[1].split())) for row in rows}


def _torn_value(conn: sqlite3.Connection) -> str | None:
    return _torn_type(conn) or _torn_json(conn) or _torn_text(conn)


def _torn_type(conn: sqlite3.Connection) -> str | None:
    """A number where text belongs, or the other way round: what a column is declared as is what readers expect."""
    for table in _tables(conn):
        tests = [
            f"typeof({column}) not in ({ALLOWED[kind]})"
            for column, kind in conn.execute("select name, lower(type) from pragma_table_info(?)", (table,))
            if kind in ALLOWED
        ]
        if tests and conn.execute(f"select 1 from {table} where {' or '.join(tests)} limit 1").fetchone():  # noqa: S608
            return f"{table} holds a value of a wrong type"
    return None


def _tables(conn: sqlite3.Connection) -> list[str]:
    return [row[0] for row in conn.execute("select name from sqlite_master where type = 'table'")]


def _torn_json(conn: sqlite3.Connection) -> str | None:
    for table, columns in JSON_COLUMNS.items():
        for column in columns:
            torn = f"select 1 from {table} where {column} is not null and not json_valid({column})"  # noqa: S608 - ours
            if conn.execute(torn).fetchone():
                return f"{table}.{column} holds a torn value"
    return None


def _torn_text(conn: sqlite3.Connection) -> str | None:
    """Text that cannot be decoded: no check of SQLite's looks for that, and every reader would stumble over it."""
    conn.text_factory = str
    for table in _tables(conn):
        try:
            for _ in conn.execute(f"select * from {table}"):  # noqa: S608 - a name of the schema
                pass
        except sqlite3.OperationalError as error:
            if not is_torn_text(error):
                raise
            return f"{table} holds torn text"
    return None


def is_torn_text(error: sqlite3.Error) -> bool:
    """Python's own complaint about text that is not UTF-8; it has no error code."""
    return "Could not decode to UTF-8" in str(error)


def _any_text(raw: bytes) -> str:
    return raw.decode(errors="replace")


class LaterCheck(threading.Thread):
    """A thorough check a while after the start and then daily, on a thread and a connection of its own."""

    def __init__(self, path: Path) -> None:
        super().__init__(name="later check", daemon=True)
        self._path = path
        self._ended = threading.Event()

    def run(self) -> None:
        wait_s = LATER_S
        while not self._ended.wait(wait_s):
            self.check()
            wait_s = AGAIN_S

    def cancel(self) -> None:
        self._ended.set()

    def check(self) -> None:
        damage = find_damage(self._path, thorough=True)
        if damage:
            log.error("%s is damaged (%s): all processes start afresh to rescue it", self._path, damage)
            tenancy = Tenancy(self._path)
            tenancy.doubt()
            tenancy.leave()


def wal_of(path: Path) -> Path:
    """SQLite's log beside the file."""
    return path.with_name(f"{path.name}-wal")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
