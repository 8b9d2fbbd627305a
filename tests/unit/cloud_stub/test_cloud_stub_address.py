from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from cloud_stub.engines.address import Address, from_names, from_url
from cloud_stub.engines.cures import cure_for, misspelt
from cloud_stub.engines.dialect import translated
from cloud_stub.errors import SetupError
from cloud_stub.settings import database_of

POOLER = "postgresql://postgres.abcd:p%40ss@aws-0-eu.pooler.supabase.com:6543/postgres?pgbouncer=true"


def test_the_seeds_address_is_understood() -> None:
    address = from_url(POOLER)
    assert address.parameters() == {
        "host": "aws-0-eu.pooler.supabase.com", "port": "6543", "user": "postgres.abcd", "dbname": "postgres",
        "password": "p@ss", "sslmode": "require",
    }  # fmt: skip
    psycopg.conninfo.make_conninfo(**address.parameters())


def test_what_libpq_knows_is_passed_on() -> None:
    given = from_url("postgres://u@db.example/d?sslmode=verify-full&connection_limit=1").parameters()
    assert given["sslmode"] == "verify-full"
    assert "connection_limit" not in given
    assert "sslmode" not in from_url("postgresql://u@127.0.0.1/d").parameters()


def test_the_names_of_the_seeds_are_an_address_too(tmp_path: Path) -> None:
    names = {
        "DB_HOST": "aws-1-us.pooler.supabase.com",
        "DB_USER": "postgres.ref",
        "DB_PASSWORD": "x",
        "DB_PORT": "6543",
    }
    assert from_names(names) == Address("aws-1-us.pooler.supabase.com", 6543, "postgres.ref", "x", "postgres", {})
    assert database_of(names, tmp_path) == from_names(names)
    assert database_of({**names, "DATABASE_URL": "sqlite:///a.db"}, tmp_path) == Path("a.db")
    assert database_of({}, tmp_path) == tmp_path / "cloud.db"
    with pytest.raises(SetupError, match="DB_PORT"):
        from_names({**names, "DB_PORT": "x"})


def test_a_password_is_never_shown() -> None:
    address = from_url(POOLER)
    shown = f"{address} {address!r} {cure_for(address, psycopg.OperationalError('boom'))}"
    assert "p@ss" not in shown
    assert "p%40ss" not in shown


@pytest.mark.parametrize(
    ("host", "user", "cure"),
    [
        ("aws-0-eu.pooler.supabase.co", "postgres.ref", "aws-0-eu.pooler.supabase.com"),
        ("db.abcd.supabase.com", "postgres", "db.abcd.supabase.co"),
        ("aws-0-eu.pooler.supabase.com", "postgres", "postgres.PROJECT_REF"),
    ],
)
def test_a_misspelt_address_is_known_before_it_is_asked(host: str, user: str, cure: str) -> None:
    found = misspelt(Address(host, 6543, user, "", "postgres", {}))
    assert found is not None
    assert cure in found


@pytest.mark.parametrize(
    ("host", "said", "cure"),
    [
        ("db.abcd.supabase.co", "connection failed: Network is unreachable", "postgres.abcd:PASSWORD@"),
        ("db.abcd.supabase.co", "could not translate host name", "IPv6"),
        ("aws-0-eu.pooler.supabase.com", "FATAL:  Tenant or user not found", "region"),
        ("h", 'FATAL:  password authentication failed for user "u"', "password is wrong"),
        ("h", 'FATAL:  database "x" does not exist', "end of the address"),
        ("h", "Connection refused", "nothing listens"),
        ("h", "could not translate host name", "spelling"),
        ("h", "connection timeout expired", "does not answer"),
        ("h", "FATAL:  remaining connection slots are reserved", "pooler"),
        ("h", "server does not support SSL, but SSL was required", "sslmode=disable"),
        ("h", "something new", "something new"),
        ("h", "", "no answer"),
    ],
)
def test_every_refusal_has_a_cure_in_one_line(host: str, said: str, cure: str) -> None:
    line = cure_for(Address(host, 5432, "postgres.ref", "", "d", {}), psycopg.OperationalError(said))
    assert cure in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("select 1 where a = ?", b"select 1 where a = %s"),
        ("select '?' || ? || '%'", b"select '?' || %s || '%%'"),
        ("select 7 % ?", b"select 7 %% %s"),
    ],
)
def test_values_are_marked_as_the_engine_wants_them(ours: str, theirs: bytes) -> None:
    assert translated(ours) == theirs
