from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from appliance.errors import SetupError, StoreBusy, StoreDamaged, TransientError
from appliance.store import database
from appliance.store.database import Database
from appliance.store.schema import MIGRATIONS
from tests.factories import Box, count

OpenDb = Callable[[], Database]


@pytest.fixture
def open_db(tmp_path: Path) -> Iterator[OpenDb]:
    """Connections to one file, closed at the end."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(Database(tmp_path / "cosound.db")))


@pytest.fixture
def db(open_db: OpenDb) -> Database:
    return open_db()


def notes(db: Database) -> list[str]:
    return [row["key"] for row in db.rows("select key from settings order by key")]


def note(db: Database, key: str) -> None:
    db.conn.execute("insert into settings values (?, '1')", (key,))


def test_a_nested_write_joins_the_outer_one(db: Database) -> None:
    with pytest.raises(ValueError, match="outer"), db.write():
        with db.write():
            note(db, "inner")
        raise ValueError("outer")
    assert notes(db) == []
    with db.write(), db.write():
        note(db, "both")
    assert notes(db) == ["both"]


def test_a_failed_write_leaves_nothing_and_the_next_one_works(db: Database) -> None:
    with pytest.raises(sqlite3.IntegrityError), db.write():
        note(db, "first")
        note(db, "first")
    assert not db.conn.in_transaction
    with db.write():
        note(db, "second")
    assert notes(db) == ["second"]


def test_a_commit_that_fails_does_not_block_the_next_one(db: Database) -> None:
    """A deferred constraint is checked at the commit: the way to see one fail without a broken disk."""
    db.conn.execute("create table child (parent text references songs (id) deferrable initially deferred)")
    with pytest.raises(sqlite3.IntegrityError), db.write() as conn:
        conn.execute("insert into child values ('nobody')")
    with db.write():
        note(db, "after")
    assert notes(db) == ["after"]


def test_a_durable_write_cannot_hide_in_a_hasty_one(db: Database) -> None:
    with pytest.raises(RuntimeError, match="durable"), db.write(durable=False), db.write():
        note(db, "never")
    with db.write(), db.write(durable=False):
        note(db, "as durable as the outer")
    assert len(notes(db)) == 1


@pytest.mark.parametrize(("durable", "level"), [(True, 2), (False, 1)])
def test_durable_means_synchronous_full(db: Database, durable: bool, level: int) -> None:
    with db.write(durable=durable):
        assert db.value("pragma synchronous") == level


def test_a_store_held_by_another_is_busy_and_says_so(open_db: OpenDb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.01)
    one, other = open_db(), open_db()
    with other.write():
        with pytest.raises(StoreBusy, match="another process"), one.write():
            pass
        assert notes(one) == [], "readers are never in the way"
    with one.write():
        note(one, "now")
    assert notes(other) == ["now"]


def test_a_full_disk_is_said_in_one_line_and_stores_nothing(db: Database) -> None:
    pages = db.count("pragma page_count")
    db.conn.execute(f"pragma max_page_count={pages}")
    with pytest.raises(TransientError, match="full"), db.write():
        note(db, "x" * 100_000)
    db.conn.execute("pragma max_page_count=100000")
    with db.write():
        note(db, "room again")
    assert notes(db) == ["room again"]


def test_a_disk_that_refuses_is_said_in_one_line(db: Database) -> None:
    db.conn.execute("pragma query_only=1")
    with pytest.raises(TransientError, match="cannot be written"), db.write():
        note(db, "never")


def test_a_wrong_statement_is_a_bug_and_stays_one(db: Database) -> None:
    with pytest.raises(sqlite3.OperationalError), db.write() as conn:
        conn.execute("insert into nowhere values (1)")


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "cosound.db").write_bytes(b"<html>captive portal</html>" * 100)
    with pytest.raises(StoreDamaged, match="damaged"):
        Database(tmp_path / "cosound.db")


def test_a_directory_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="cannot open"):
        Database(tmp_path / "file" / "cosound.db")


def test_two_openers_migrate_once(open_db: OpenDb, tmp_path: Path) -> None:
    """Both hurry: on some schedules both find an empty file."""
    opened: list[Database | Exception] = []

    def open_it() -> None:
        try:
            Database(tmp_path / "cosound.db").close()
        except Exception as error:  # noqa: BLE001 - carried to the main thread
            opened.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened == []
    names = [row["name"] for row in open_db().rows("select name from migrations")]
    assert sorted(names) == sorted(name for name, _ in MIGRATIONS)


def test_a_migration_another_process_made_first_is_left_alone(open_db: OpenDb, monkeypatch: pytest.MonkeyPatch) -> None:
    open_db()
    monkeypatch.setattr(Database, "_applied", lambda self: set())
    assert open_db().count("select count(*) from migrations") == len(MIGRATIONS)


def test_new_migrations_reach_an_old_file_and_keep_its_rows(open_db: OpenDb, monkeypatch: pytest.MonkeyPatch) -> None:
    old = open_db()
    with old.write():
        note(old, "kept")
    monkeypatch.setattr(database, "MIGRATIONS", (*MIGRATIONS, ("9999_more", "create table more (n integer)")))
    new = open_db()
    assert (notes(new), new.count("select count(*) from more")) == (["kept"], 0)


def test_the_commit_of_another_process_wakes_the_waiter(box: Box) -> None:
    mine, theirs = box.store("player"), box.store("nfc")
    assert mine.wait(0) is False
    with theirs.db.write():
        note(theirs.db, "news")
    assert mine.wait(0) is True
    assert mine.wait(0) is False


def test_a_commit_is_seen_even_when_no_bell_rings(open_db: OpenDb) -> None:
    deaf, other = open_db(), open_db()
    with other.write():
        note(other, "news")
    assert deaf.wait(0) is True
    assert deaf.wait(0) is False


def test_an_own_commit_does_not_wake_oneself(box: Box) -> None:
    store = box.store("player")
    with store.db.write():
        note(store.db, "mine")
    assert store.wait(0) is False
    assert count(store, "settings") == 1


def test_tidying_up_gives_the_log_its_room_back(db: Database, tmp_path: Path) -> None:
    with db.write():
        note(db, "x" * 50_000)
    db.tidy()
    assert (tmp_path / "cosound.db-wal").stat().st_size == 0


def test_tidying_up_waits_for_nobody_and_is_patient_again_after(open_db: OpenDb) -> None:
    mine, other = open_db(), open_db()
    with other.write():
        note(other, "theirs")
        mine.tidy()
    assert mine.value("pragma busy_timeout") == database.BUSY_TIMEOUT_S * 1000
    assert notes(mine) == ["theirs"]


def test_on_a_card_that_can_only_be_read_it_is_opened_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cosound.db"
    with closing(Database(path)) as db, db.write():
        note(db, "before")
    monkeypatch.setattr(database, "is_read_only", lambda folder: True)
    with closing(Database(path)) as db:
        assert (notes(db), db.read_only) == (["before"], True)
        assert [file.name for file in tmp_path.iterdir()] == [path.name], "what the kernel would refuse is not made"
        with pytest.raises(TransientError, match="can only be read"), db.write():
            note(db, "refused")
        db.check()
        monkeypatch.setattr(database, "is_read_only", lambda folder: False)
        with pytest.raises(StoreDamaged, match="can be written again"):
            db.check()


def test_what_lies_in_the_log_is_read_from_such_a_card_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cosound.db"
    with closing(Database(path)) as alive:
        with alive.write():
            note(alive, "in the log")
        monkeypatch.setattr(database, "is_read_only", lambda folder: True)
        with closing(Database(path)) as db:
            assert notes(db) == ["in the log"]
