from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_stub.database import Database, Tx
from cloud_stub.engines.sqlite import split_statements
from cloud_stub.errors import SetupError
from cloud_stub.migrate import migrate, migrations


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "cloud.db")
    made.open()
    with made.writing() as tx:
        tx.run("create table facts (id integer primary key)")
    yield made
    made.close()


def count(database: Database) -> int:
    with database.reading() as tx:
        return int(tx.value("select count(*) from facts"))


def test_a_write_that_fails_leaves_nothing_and_tells_nobody(database: Database) -> None:
    told: list[Tx] = []
    database.on_commit.append(told.append)
    with pytest.raises(ZeroDivisionError), database.writing() as tx:
        tx.run("insert into facts values (1)")
        1 / 0  # noqa: B018 - it is meant to fail
    assert (count(database), told) == (0, [])
    with database.writing() as tx:
        tx.run("insert into facts values (1)")
    assert (count(database), told) == (1, [tx])


def test_a_part_is_undone_alone(database: Database) -> None:
    with database.writing() as tx:
        tx.run("insert into facts values (1)")
        with pytest.raises(Database.IntegrityError), tx.part():
            tx.run("insert into facts values (2)")
            tx.run("insert into facts values (2)")
        tx.run("insert into facts values (3)")
    with database.reading() as tx:
        assert [row["id"] for row in tx.all("select id from facts order by id")] == [1, 3]


def test_a_writer_takes_the_lock_before_it_reads(database: Database, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "cloud.db", isolation_level=None, timeout=0)
    with database.writing(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("begin immediate")
    other.close()


def test_a_commit_of_another_process_is_seen_once_and_ours_never(database: Database, tmp_path: Path) -> None:
    with database.writing() as tx:
        tx.run("insert into facts values (1)")
    assert not database.changed_elsewhere()
    other = sqlite3.connect(tmp_path / "cloud.db")
    other.execute("insert into facts values (2)")
    other.commit()
    other.close()
    assert database.changed_elsewhere()
    assert not database.changed_elsewhere()


def test_facts_are_on_disk_when_a_write_returns(database: Database) -> None:
    with database.reading() as tx:
        assert tx.value("pragma synchronous") == 2
        assert tx.value("pragma journal_mode") == "wal"
        assert tx.value("pragma foreign_keys") == 1


def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError) as error:
        Database(tmp_path / "file" / "cloud.db").open()
    assert "--data" in str(error.value)
    with pytest.raises(SetupError, match="not open"):
        Database(tmp_path / "never.db").changed_elsewhere()


def test_migrations_run_once_in_order(tmp_path: Path) -> None:
    database = Database(tmp_path / "fresh.db")
    database.open()
    names = [name for name, _ in migrations()]
    assert names == sorted(names)
    assert migrate(database, "now") == names
    assert migrate(database, "later") == []
    database.close()


def test_statements_are_split_where_they_end() -> None:
    script = "-- a comment\ncreate table a (\n  x text\n);\n\ninsert into a values ('b; c');\n"
    assert split_statements(script) == ["create table a (\n  x text\n);", "insert into a values ('b; c');"]
