"""`cosound cloud check`: everything that is known to go wrong, looked at one after the other, each with its cure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from cloud_stub.database import Database, Tx
from cloud_stub.engines.address import Address
from cloud_stub.engines.cures import misspelt
from cloud_stub.environment import refusals
from cloud_stub.errors import CloudError, DatabaseError, SetupError
from cloud_stub.finding import Finding
from cloud_stub.migrate import pending
from cloud_stub.moments import seconds_or_none
from cloud_stub.repositories import players
from cloud_stub.settings import CloudSettings
from cloud_stub.storage import open_storage
from cloud_stub.supabase_check import keys_of, supabase_names
from cloud_stub.tokens import matches, prefix_of

__all__ = ["Finding", "examine", "examine_directory"]


def examine_directory(data_dir: Path, env: Mapping[str, str]) -> Iterator[Finding]:
    """The same, from the beginning; with a value that cannot be used only what is said can be looked at."""
    try:
        settings = CloudSettings.for_directory(data_dir, env)
    except SetupError as error:
        yield Finding("settings", False, str(error))
        yield from (finding for finding in _said(env) if finding.says not in str(error))
        return
    yield from examine(settings, env)


def examine(settings: CloudSettings, env: Mapping[str, str]) -> Iterator[Finding]:
    """Look at it all, in the order in which one thing needs another."""
    yield from _said(env)
    if settings.project is not None:
        yield keys_of(settings.project, env)
    yield from _names(settings)
    yield _storage(settings)
    database = Database(settings.database)
    reached = _reach(database, settings.database)
    yield reached
    if not reached.ok:
        return
    try:
        yield from _contents(database, env.get("PLAYER_TOKEN"))
    finally:
        database.close()


def _said(env: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the names and values make sense by themselves."""
    yield from (Finding("environment", False, line) for line in refusals(env))
    yield from supabase_names(env)


def _names(settings: CloudSettings) -> Iterator[Finding]:
    host = urlsplit(settings.public_url or "").hostname
    if host is None or not settings.allowed_hosts:
        return
    is_allowed = any(
        name in ("*", host) or (name.startswith("*.") and host.endswith(name[1:])) for name in settings.allowed_hosts
    )
    says = f"{host} is among them" if is_allowed else (
        f"boxes come to COSOUND_PUBLIC_URL and {host} is not among them: add it"
    )  # fmt: skip
    yield Finding("ALLOWED_HOSTS", is_allowed, says)


def _reach(database: Database, where: Path | Address) -> Finding:
    wrong = misspelt(where) if isinstance(where, Address) else None
    if wrong:
        return Finding("database", False, wrong)
    try:
        database.open()
    except CloudError as error:
        return Finding("database", False, str(error))
    return Finding("database", True, where.label if isinstance(where, Address) else str(where))


def _contents(database: Database, token: str | None) -> Iterator[Finding]:
    looks: list[Callable[[Database], Finding]] = [_tables]
    if database.dialect == "postgres":
        looks += [_rights, _guards, _writable]
    for look in looks:
        finding = look(database)
        yield finding
        if not finding.ok:
            return
    if token:
        yield _token(database, token)


def _tables(database: Database) -> Finding:
    try:
        missing = pending(database)
    except DatabaseError as error:
        return Finding(
            "tables", False, f"they cannot be read ({error}): connect as their owner, `postgres` on Supabase"
        )
    if not missing:
        return Finding("tables", True, "up to date")
    if database.dialect == "sqlite":
        return Finding("tables", True, f"{len(missing)} steps behind: the server takes them when it starts")
    with database.reading() as tx:
        if database.dialect == "postgres" and _has(tx, "players", "token"):
            return Finding("tables", False, "there are tables of an older make (players.token): rename or drop them, "
                           "then run: cosound cloud migrate")  # fmt: skip
    return Finding(
        "tables", False, f"a relation does not exist ({missing[0]} is not applied): run cosound cloud migrate"
    )


def _has(tx: Tx, table: str, column: str) -> bool:
    sql = (
        "select 1 from information_schema.columns where table_schema = 'public' and table_name = ? and column_name = ?"
    )
    return tx.value(sql, table, column) is not None


def _rights(database: Database) -> Finding:
    with database.reading() as tx:
        owner = tx.one(
            "select current_user as us, tableowner as owner from pg_tables "
            "where schemaname = 'public' and tablename = 'players'"
        )
        assert owner is not None, "the tables are there"
        may = tx.value("select pg_has_role(current_user, ?, 'usage')", owner["owner"])
    if may:
        return Finding("rights", True, f"{owner['us']} owns the tables")
    return Finding("rights", False, f"{owner['us']} is not the tables' owner and would see next to nothing: connect as "
                   f"{owner['owner']}")  # fmt: skip


def _guards(database: Database) -> Finding:
    with database.reading() as tx:
        bare = tx.all(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' "
            "and not relrowsecurity order by relname"
        )
    if not bare:
        return Finding("row level security", True, "on, for every table")
    name = bare[0]["relname"]
    return Finding("row level security", False, f"off for {name}: alter table {name} enable row level security")


def _writable(database: Database) -> Finding:
    with database.reading() as tx:
        row = tx.one(
            "select pg_is_in_recovery() as follows, current_setting('default_transaction_read_only') = 'on' as is_shut"
        )
        assert row is not None, "a row of constants"
    if row["follows"]:
        return Finding("writes", False, "this server only follows another: connect to the one it follows")
    if row["is_shut"]:
        return Finding("writes", False, "the database lets only read, as Supabase's does whose disk is full: make room "
                       "there or enlarge it")  # fmt: skip
    return Finding("writes", True, "let in")


def _token(database: Database, token: str) -> Finding:
    what, prefix = "player token", prefix_of(token)
    if prefix is None:
        return Finding(what, False, "PLAYER_TOKEN is no token of ours (csp_…, 56 signs): copy it again, or give the "
                       "room a new one (Rooms → new token)")  # fmt: skip
    with database.reading() as tx:
        row = players.find_token(tx, prefix)
    if row is None or not matches(token, row["hash"]):
        return Finding(what, False, f"no room knows csp_{prefix}_…, or it was revoked: give the room a new one")
    expires_s = seconds_or_none(row["expires_at"])
    if expires_s is not None and expires_s <= time.time():
        return Finding(what, False, f"csp_{prefix}_… was replaced and its time is over: use the newer one")
    return Finding(what, True, f"csp_{prefix}_… opens room {row['player_id']}")


def _storage(settings: CloudSettings) -> Finding:
    try:
        storage = open_storage(settings)
        storage.prove()
    except CloudError as error:
        return Finding("storage", False, str(error))
    return Finding("storage", True, storage.label)
