"""Many statements in one round trip on a direct connection: order, failures, and what is prepared."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from postgres_server import PostgresServer
from psycopg.rows import dict_row

from cloud_stub.engines.pipeline import MOST_PREPARED, PREPARE_AFTER, Pipeline
from cloud_stub.engines.postgres import Postgres

NUMBER = "select cast(? as integer) as n"


@pytest.fixture
def line(server: PostgresServer) -> Iterator[Pipeline]:
    with psycopg.connect(server.running.url(), autocommit=True, row_factory=dict_row) as conn:
        yield Pipeline(conn)


def names(line: Pipeline) -> set[str]:
    ((came),) = line.exchange([("select name from pg_prepared_statements", ())])
    return {row["name"] for row in came.rows}


def test_answers_come_in_the_order_of_the_questions(line: Pipeline) -> None:
    came = line.exchange([(NUMBER, (n,)) for n in range(600)])
    assert [one.rows for one in came] == [[{"n": n}] for n in range(600)]


def test_values_keep_their_kind(line: Pipeline) -> None:
    sql = "select ? as text, cast(? as double precision) as real, cast(? as bigint) as whole, cast(? as text) as none"
    for _ in range(PREPARE_AFTER + 1):
        (came,) = line.exchange([(sql, ("a?'%", 0.1, 1 << 40, None))])
        assert came.rows == [{"text": "a?'%", "real": 0.1, "whole": 1 << 40, "none": None}]


def test_more_than_the_network_holds_travels_both_ways(line: Pipeline) -> None:
    """Neither side may wait for the other to read."""
    text = "x" * 200_000
    came = line.exchange([("select ? as t", (text,))] * 200)
    assert all(one.rows == [{"t": text}] for one in came)


def test_the_first_failure_is_told_and_nothing_after_it_is_done(line: Pipeline) -> None:
    line.exchange([("create temporary table t (n integer)", ())])
    line.exchange([("begin", ()), ("savepoint here", ())])
    with pytest.raises(psycopg.errors.DivisionByZero):
        line.exchange([("insert into t values (1)", ()), ("select 1 / 0", ()), ("no SQL at all", ())])
    line.exchange([("rollback to savepoint here", ()), ("insert into t values (?)", (2,)), ("commit", ())])
    assert line.exchange([("select n from t", ())])[0].rows == [{"n": 2}]


def test_what_stands_before_a_value_that_cannot_be_sent_is_done(line: Pipeline) -> None:
    line.exchange([("create temporary table t (n integer)", ())])
    with pytest.raises(psycopg.DataError, match="NUL"):
        line.exchange([("insert into t values (1)", ()), ("select ?", ("a\0b",)), ("insert into t values (2)", ())])
    assert line.exchange([("select n from t", ())])[0].rows == [{"n": 1}]


def test_a_statement_is_prepared_once_it_is_known(line: Pipeline) -> None:
    for _ in range(PREPARE_AFTER - 1):
        line.exchange([(NUMBER, (1,))])
    assert names(line) == set()
    for _ in range(3):
        assert line.exchange([(NUMBER, (7,))])[0].rows == [{"n": 7}]
    assert len(names(line)) == 1


def test_one_that_could_not_be_prepared_is_tried_again(line: Pipeline) -> None:
    line.exchange([("create temporary table t (n integer)", ())])
    for _ in range(PREPARE_AFTER + 1):
        with pytest.raises(psycopg.errors.UndefinedColumn):
            line.exchange([("select m from t where n = ?", (1,))])
    line.exchange([("alter table t add m integer", ())])
    assert line.exchange([("select m from t where n = ?", (1,))])[0].rows == []


def test_what_was_not_used_for_long_is_forgotten_there_too(line: Pipeline) -> None:
    for n in range(MOST_PREPARED + 40):
        line.exchange([(f"select {n} + ? as n", (1,))] * PREPARE_AFTER)
    assert MOST_PREPARED - 2 <= len(names(line)) <= MOST_PREPARED
    assert line.exchange([("select 0 + ? as n", (1,))])[0].rows == [{"n": 1}]


def test_a_connection_that_is_cut_says_why(server: PostgresServer, line: Pipeline) -> None:
    pid = line.conn.info.backend_pid
    server.command(f"select pg_terminate_backend({pid})")
    with pytest.raises(psycopg.OperationalError):
        line.exchange([("select 1", ())])
    assert line.conn.broken
    with pytest.raises(psycopg.OperationalError):
        line.exchange([("select 1", ())])


def test_nothing_is_taken_up_before_the_first_question(server: PostgresServer) -> None:
    with server.database() as address:
        pool = Postgres(address)
        pool.open()
        with pool.writing(), pool.writing() as other:  # the lock is the first one's who asks
            assert other.ask("select 1 as n", ()).all() == [{"n": 1}]
        pool.close()
