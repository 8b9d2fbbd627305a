"""A real PostgreSQL for the contract suite, and a migrated database of its own for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from cloud_stub.database import Database
from cloud_stub.embedded_postgres import EmbeddedPostgres
from cloud_stub.engines.address import Address
from cloud_stub.errors import SetupError
from cloud_stub.migrate import migrate

TEMPLATE, NAME = "template_cosound", "test_cosound"
# The functions of the second door ask `private.clock()`; in tests it is what the asker's clock says.
CLOCK_OF_THE_ASKER = """
    create or replace function private.clock() returns timestamptz language sql stable as $$
        select coalesce(to_timestamp(
            (nullif(current_setting('request.headers', true), '')::json ->> 'x-test-now')::float8), now())
    $$
"""
_TABLES = "select tablename from pg_tables where schemaname = 'public' order by 1"
_KEPT = ("schema_migrations", "ranking")  # what migrations put there


@dataclass
class PostgresServer:
    """One running server with a migrated template, and a copy of it that is emptied after each test."""

    running: EmbeddedPostgres
    _tables: list[str] | None = None
    _conn: psycopg.Connection[Any] | None = None

    @contextmanager
    def database(self) -> Iterator[Address]:
        if self._tables is None:
            self.command(f"create database {NAME} template {TEMPLATE}")
            self._tables = self._names()
        try:
            yield self.running.address(NAME)
        finally:
            if self._names() == self._tables:
                self._empty()
            else:  # a test took the tables themselves apart
                self.command(f"drop database {NAME} with (force)")
                self._tables = None

    def command(self, sql: str, database: str = "postgres") -> None:
        with psycopg.connect(self.running.url(database), autocommit=True) as conn:
            conn.execute(sql.encode())

    def close(self) -> None:
        if self._conn is not None:
            self._conn.close()

    def _names(self) -> list[str]:
        return [row[0] for row in self._opened().execute(_TABLES)]

    def _opened(self) -> psycopg.Connection[Any]:
        """A connection that is kept from test to test, unless a test cut it."""
        if self._conn is not None:
            try:
                self._conn.execute("select 1")
            except psycopg.Error:
                self._conn.close()
                self._conn = None
        if self._conn is None:
            self._conn = psycopg.connect(self.running.url(NAME), autocommit=True)
        return self._conn

    def _empty(self) -> None:
        """By deleting: of small tables that is ten times as fast as a new copy of the template."""
        assert self._tables is not None, "known since the first test"
        deletes = "; ".join(f"delete from {name}" for name in self._tables if name not in _KEPT)
        self._opened().execute(f"begin; set local session_replication_role = replica; {deletes}; commit".encode())


def postgres_server() -> Iterator[PostgresServer]:
    version = int(os.environ.get("COSOUND_TEST_POSTGRES", "18"))
    try:
        running = EmbeddedPostgres(version).__enter__()
    except SetupError as error:
        pytest.skip(f"no PostgreSQL {version} here: {error}")
    try:
        server = PostgresServer(running)
        server.command(f"create database {TEMPLATE}")
        template = Database(running.address(TEMPLATE))
        template.open()
        migrate(template, "2027-01-01T00:00:00.000000+00:00")
        template.close()
        server.command(CLOCK_OF_THE_ASKER, TEMPLATE)
        yield server
        server.close()
    finally:
        running.__exit__(None, None, None)
