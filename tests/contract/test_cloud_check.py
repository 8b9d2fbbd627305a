"""`cosound cloud check`: each thing that is known to go wrong is found, and its cure is in the line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import psycopg
import pytest
from cloud_world import settings_in
from postgres_server import PostgresServer
from supabase_project import LEGACY_SECRET, Project, project

from cloud_stub import supabase
from cloud_stub.check import Finding, examine, examine_directory
from cloud_stub.database import Database
from cloud_stub.engines.address import Address, from_url
from cloud_stub.migrate import as_script, bring_up_to_date, migrate
from cloud_stub.repositories import players
from cloud_stub.settings import CloudSettings
from cloud_stub.tokens import new_token

POOLER = "postgresql://{user}:secret@aws-0-eu-central-1.pooler.supabase.{end}:6543/postgres?pgbouncer=true"


def key(role: str, ref: str = "abcd") -> str:
    return jwt.encode({"role": role, "ref": ref, "iss": "supabase"}, "nobody checks this one, of 32 bytes", "HS256")


@pytest.fixture
def settings(folder: Path, where: Path | Address) -> CloudSettings:
    database = Database(where)
    database.open()
    migrate(database, "now")
    database.close()
    return settings_in(folder, where)


def wrong(settings: CloudSettings, **env: str) -> list[Finding]:
    return [finding for finding in examine(settings, env) if not finding.ok]


def test_where_all_is_well_it_says_so(settings: CloudSettings) -> None:
    env = {"SUPABASE_URL": "https://abcd.supabase.co", "SUPABASE_ANON_KEY": key("anon"),
           "SUPABASE_SERVICE_KEY": key("service_role")}  # fmt: skip
    found = list(examine(settings, env))
    assert [finding for finding in found if not finding.ok] == []
    assert {"database", "tables", "storage"} <= {finding.what for finding in found}
    assert all(str(finding).startswith("ok ") for finding in found)


@pytest.mark.parametrize(
    ("env", "cure"),
    [
        ({"SUPABASE_URL": "https://abcd.supabase.com"}, "https://abcd.supabase.co"),
        ({"SUPABASE_SERVICE_KEY": key("anon")}, "public (anon) key: put the secret"),
        ({"SUPABASE_SERVICE_KEY": "sb_publishable_x"}, "public (anon) key"),
        ({"SUPABASE_ANON_KEY": key("service_role")}, "may do everything"),
        ({"SUPABASE_ANON_KEY": "sb_secret_x"}, "may do everything"),
        ({"SUPABASE_ANON_KEY": "eyJ…"}, "no key of Supabase"),
        ({"SUPABASE_URL": "https://abcd.supabase.co", "SUPABASE_ANON_KEY": key("anon", "other")}, "project other"),
        ({"DEBUG": "True"}, "leave it out"),
        ({"PLAYER_TOKEN": "csp_short"}, "copy it again"),
        ({"PLAYER_TOKEN": new_token().text}, "give the room a new one"),
    ],
)
def test_a_value_that_is_wrong_is_named_with_its_cure(settings: CloudSettings, env: dict[str, str], cure: str) -> None:
    (finding,) = wrong(settings, **env)
    assert cure in finding.says
    assert "\n" not in str(finding)
    for value in env.values():
        assert "KEY" not in "".join(env) or value not in finding.says


@pytest.fixture
def home() -> Iterator[Project]:
    with project(time.time()) as running:
        yield running


def logins_of(settings: CloudSettings, home: Project, secret: str | None = None, **env: str) -> Finding:
    told = replace(settings, project=supabase.Project(home.url, secret))
    found = [finding for finding in examine(told, env) if finding.what in ("logins", "SUPABASE_JWT_SECRET")]
    assert len(found) == 1
    assert secret is None or secret not in found[0].says
    return found[0]


def test_whether_a_projects_logins_can_be_checked_is_tried(settings: CloudSettings, home: Project) -> None:
    without = logins_of(settings, home)
    assert (without.ok, "SUPABASE_JWT_SECRET" in without.says) == (False, True)
    assert logins_of(settings, home, LEGACY_SECRET).says.endswith("(HS256)")
    home.add_key("first", "ES256")
    assert logins_of(settings, home).says.endswith("(ES256)")
    anon_key = home.legacy_token({"role": "anon", "ref": "abcd"})
    assert logins_of(settings, home, LEGACY_SECRET, SUPABASE_ANON_KEY=anon_key).ok
    other = logins_of(settings, home, "the legacy secret of another project", SUPABASE_ANON_KEY=anon_key)
    assert (other.ok, "did not sign" in other.says) == (False, True)
    assert "this is a key" in logins_of(settings, home, key("service_role")).says
    home.page = b"<html>log in to the network</html>"
    assert "is no Supabase project" in logins_of(settings, home).says


def test_a_project_that_does_not_answer_is_named(settings: CloudSettings) -> None:
    gone = Project("http://127.0.0.1:9", 0.0)
    finding = logins_of(settings, gone)
    assert (finding.ok, "is not paused" in finding.says) == (False, True)


def test_a_name_that_boxes_come_to_must_be_allowed(settings: CloudSettings) -> None:
    told = replace(settings, public_url="https://cloud.example", allowed_hosts=("localhost",))
    (finding,) = [finding for finding in examine(told, {}) if not finding.ok]
    assert finding.what == "ALLOWED_HOSTS"
    assert "cloud.example" in finding.says
    for names in (("*",), ("*.example",), ("localhost", "cloud.example")):
        assert all(finding.ok for finding in examine(replace(told, allowed_hosts=names), {}))


def test_a_value_that_stops_the_server_does_not_stop_the_look(folder: Path) -> None:
    env = {"PORT": "http", "DEBUG": "True", "SUPABASE_SERVICE_KEY": key("anon")}
    said = [str(finding) for finding in examine_directory(folder, env)]
    assert len(said) == 3
    assert all(line.startswith("FIX") and "\n" not in line for line in said)
    assert all(finding.ok for finding in examine_directory(folder / "fresh", {}))
    twice = [finding.says for finding in examine_directory(folder, {"SUPABASE_URL": "https://abcd.supabase.com"})]
    assert len(twice) == 1


def test_a_boxs_token_is_tried(settings: CloudSettings) -> None:
    database, token, newer = Database(settings.database), new_token(), new_token()
    database.open()
    with database.writing() as tx:
        room = players.create(tx, "Lobby", token, time.time())
    assert wrong(settings, PLAYER_TOKEN=token.text) == []
    with database.writing() as tx:
        players.add_token(tx, room, newer, time.time())
        tx.run(
            "update player_tokens set expires_at = ? where prefix = ?", "2020-01-01T00:00:00.000000+00:00", token.prefix
        )
    (over,) = wrong(settings, PLAYER_TOKEN=token.text)
    assert "use the newer one" in over.says
    with database.writing() as tx:
        players.revoke_tokens(tx, room, time.time())
    (revoked,) = wrong(settings, PLAYER_TOKEN=newer.text)
    assert "revoked" in revoked.says
    assert newer.text not in revoked.says
    database.close()


def test_a_folder_that_cannot_be_written_is_named(settings: CloudSettings) -> None:
    settings.media_dir.touch()
    (finding,) = wrong(settings)
    assert "COSOUND_MEDIA_DIR" in finding.says


@pytest.mark.parametrize(
    ("url", "cure"),
    [
        (POOLER.format(user="postgres", end="com"), "postgres.PROJECT_REF"),
        (POOLER.format(user="postgres.abcd", end="co"), ".supabase.com"),
        ("postgresql://postgres:secret@db.abcd.supabase.com:5432/postgres", "db.abcd.supabase.co"),
        ("postgresql://postgres:secret@127.0.0.1:9/postgres", "nothing listens there"),
    ],
)
def test_a_database_that_cannot_be_reached_is_the_last_thing_said(folder: Path, url: str, cure: str) -> None:
    settings = settings_in(folder, from_url(url))
    *_, last = examine(settings, {})
    assert (last.what, last.ok) == ("database", False)
    assert cure in last.says
    assert "secret" not in last.says


@pytest.fixture
def bare(server: PostgresServer) -> Iterator[Address]:
    """A PostgreSQL that nobody migrated."""
    server.command("create database bare")
    yield server.running.address("bare")
    server.command("drop database bare with (force)")


def test_tables_that_are_not_there_yet(folder: Path, bare: Address) -> None:
    (finding,) = wrong(settings_in(folder, bare))
    assert "run cosound cloud migrate" in finding.says
    said = bring_up_to_date(bare)
    assert said[0].startswith("applied 000")
    assert bring_up_to_date(bare, "database")[-1].startswith("select cron.schedule")
    assert wrong(settings_in(folder, bare)) == []


def test_what_is_printed_for_supabases_editor_is_the_whole_migration(folder: Path, bare: Address) -> None:
    with psycopg.connect(**bare.parameters(), autocommit=True) as conn:
        conn.execute(as_script().encode())
    assert wrong(settings_in(folder, bare)) == []


def test_tables_of_the_seeds_are_not_taken_for_ours(folder: Path, bare: Address) -> None:
    with psycopg.connect(**bare.parameters(), autocommit=True) as conn:
        conn.execute("create table players (id uuid primary key, token text)")
    (finding,) = wrong(settings_in(folder, bare))
    assert "older make" in finding.says


def test_whoever_is_not_the_owner_is_told(server: PostgresServer, folder: Path) -> None:
    with server.database() as address:
        server.command("create role guest login password 'guest'")
        try:
            guest: Any = replace(address, user="guest", password="guest")
            (finding,) = wrong(settings_in(folder, guest))
            assert "owner" in finding.says
        finally:
            server.command("drop role guest")


def test_a_database_that_lets_only_read_is_found(server: PostgresServer, folder: Path) -> None:
    with server.database() as address:
        server.command(f"alter database {address.name} set default_transaction_read_only = on")
        try:
            (finding,) = wrong(settings_in(folder, address))
            assert "disk is full" in finding.says
        finally:
            server.command(f"alter database {address.name} reset default_transaction_read_only")
        assert wrong(settings_in(folder, address)) == []


def test_a_table_without_its_guard_is_found(server: PostgresServer, folder: Path) -> None:
    with server.database() as address:
        server.command("alter table votes disable row level security", address.name)
        try:
            (finding,) = wrong(settings_in(folder, address))
            assert "alter table votes enable" in finding.says
        finally:
            server.command("alter table votes enable row level security", address.name)
