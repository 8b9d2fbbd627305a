"""Reading what can still be read of a damaged database, row by row."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from appliance.store.checkup import UNREADABLE, wal_of, wrong_schema
from appliance.store.database import PAGE_BYTES

HEADER_BYTES = 100
_INTERIOR_TABLE_PAGE = 5
_FARTHEST = 1 << 40
_PAGES_AT = 28  # where a database's header has its number of pages; what follows is the list of free ones

_TYPES: dict[str, type | tuple[type, ...]] = {"integer": int, "real": (int, float), "text": str}

Row = dict[str, Any]


@contextmanager
def open_damaged(path: Path, donor: Path) -> Iterator[sqlite3.Connection | None]:
    """A connection to as much of it as SQLite understands; None when that is nothing.

    donor: a sound, empty database with the same tables. Should the damaged one have lost its header, or the pages
    that say where its tables are, the donor's take their place in a copy: tables are created in the same order,
    so they begin on the same pages.
    """
    patched = path.with_name(f"{path.name}.patched")
    try:
        chosen = _understood(path, donor, patched)
        if chosen is None:
            yield None
            return
        with closing(_open(chosen)) as conn:
            yield conn
    finally:
        _remove(patched)


def readable_rows(conn: sqlite3.Connection, table: str, json_columns: Sequence[str] = ()) -> Iterator[Row]:
    """The rows of a table, over all gaps that bad pages leave. Rows with a torn value are left out, and those whose
    number is not above the last one's: of pages in a wrong order they would come round for ever."""
    kinds = dict(map(tuple, conn.execute("select name, lower(type) from pragma_table_info(?)", (table,))))
    after = skip = 0
    while skip < _FARTHEST:
        try:
            for row in _from(conn, table, after + skip):
                if row["_rowid"] <= after:
                    continue
                after, skip = row["_rowid"], 0
                values = {name: row[name] for name in kinds}
                if _has_kinds(values, kinds) and all(_is_json(values[name]) for name in json_columns):
                    yield values
        except UNREADABLE:
            skip = max(1, skip * 2)
        else:
            return


def _from(conn: sqlite3.Connection, table: str, after: int) -> sqlite3.Cursor:
    sql = f"select rowid as _rowid, * from {table} not indexed where rowid > ? order by rowid"  # noqa: S608 - our names
    return conn.execute(sql, (after,))


def _open(path: Path) -> sqlite3.Connection:
    conn = sqlite3.connect(path, timeout=1.0, isolation_level=None)
    conn.row_factory = sqlite3.Row
    return conn


def _knows_its_tables(path: Path) -> bool:
    try:
        with closing(_open(path)) as conn:
            conn.execute("select 1 from outbox, taps, songs limit 0")
            return wrong_schema(conn) is None
    except UNREADABLE:
        return False


def _understood(path: Path, donor: Path, patched: Path) -> Path | None:
    """The file itself, else a copy with as little of the donor's as makes it readable."""
    if path.stat().st_size and _knows_its_tables(path):  # SQLite would throw an empty file's log away
        return path
    given = donor.read_bytes()
    whole_pages = {page * PAGE_BYTES: PAGE_BYTES for page in _schema_pages(given)}
    for parts in ({0: HEADER_BYTES}, whole_pages):
        if _patch(path, given, patched, parts) and _knows_its_tables(patched):
            return patched
    return None


def _schema_pages(database: bytes) -> list[int]:
    """Numbers, from 0, of the pages that describe the tables: the first, and those it points to."""
    first = database[:PAGE_BYTES]
    kind, cells = first[HEADER_BYTES], int.from_bytes(first[HEADER_BYTES + 3 : HEADER_BYTES + 5], "big")
    if kind != _INTERIOR_TABLE_PAGE:
        return [0]
    at = HEADER_BYTES + 12
    places = [int.from_bytes(first[at + 2 * cell : at + 2 * cell + 2], "big") for cell in range(cells)]
    children = [first[place : place + 4] for place in places] + [first[HEADER_BYTES + 8 : HEADER_BYTES + 12]]
    return [0, *(int.from_bytes(child, "big") - 1 for child in children)]


def _patch(path: Path, given: bytes, patched: Path, parts: Mapping[int, int]) -> bool:
    """A copy with these parts (offset → length) of the given database, and its end where the copy is shorter."""
    _remove(patched)
    try:
        shutil.copyfile(path, patched)
        if wal_of(path).exists():
            shutil.copyfile(wal_of(path), wal_of(patched))
        size = patched.stat().st_size // PAGE_BYTES * PAGE_BYTES
        pages = max(size, len(given)) // PAGE_BYTES
        with patched.open("r+b") as file:
            for start, length in (*parts.items(), (size, len(given))):
                file.seek(start)
                file.write(given[start : start + length])
            file.seek(_PAGES_AT)
            file.write(pages.to_bytes(4, "big") + bytes(8))  # as many as there are, none free
    except OSError:
        return False
    return True


def _remove(patched: Path) -> None:
    for leftover in patched.parent.glob(f"{patched.name}*"):
        leftover.unlink()


def _has_kinds(values: Row, kinds: Mapping[str, str]) -> bool:
    return all(value is None or isinstance(value, _TYPES.get(kinds[name], object)) for name, value in values.items())


def _is_json(text: object) -> bool:
    if text is None:
        return True
    try:
        json.loads(str(text))
    except (ValueError, RecursionError):
        return False
    return True
