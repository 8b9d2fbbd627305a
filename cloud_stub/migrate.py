"""Numbered migrations, each applied once, together with the note that it was.

`schema/NNN_*.sql` is for both engines, `schema/postgres/NNN_*.sql` for PostgreSQL alone (Supabase's roles, who may
read and write which rows, ranking in the database); the numbers order them all.
"""

from __future__ import annotations

import time
from importlib import resources
from pathlib import Path

from cloud_stub.database import Database
from cloud_stub.engines.address import Address
from cloud_stub.engines.engine import Dialect
from cloud_stub.errors import SetupError
from cloud_stub.moments import to_text
from cloud_stub.repositories import queue

LEDGER = "create table if not exists schema_migrations (name text primary key, applied_at text not null)"


def migrations(dialect: Dialect = "sqlite") -> list[tuple[str, str]]:
    """(name, script) in order."""
    schema = resources.files("cloud_stub").joinpath("schema")
    folders = [schema, schema.joinpath("postgres")] if dialect == "postgres" else [schema]
    files = [file for folder in folders for file in folder.iterdir() if file.name.endswith(".sql")]
    return sorted((file.name, file.read_text()) for file in files)


def pending(database: Database) -> list[str]:
    """Names of migrations that the database has not seen."""
    done = _done(database)
    return [name for name, _ in migrations(database.dialect) if name not in done]


def migrate(database: Database, now_text: str) -> list[str]:
    """Bring the database up to date, all or nothing; returns the names of what was applied now."""
    if not pending(database):
        return []
    with database.writing() as tx:
        tx.run(LEDGER)
        done = {row["name"] for row in tx.all("select name from schema_migrations")}
        fresh = [(name, script) for name, script in migrations(database.dialect) if name not in done]
        for name, script in fresh:
            tx.script(script)
            tx.run("insert into schema_migrations values (?, ?)", name, now_text)
    return [name for name, _ in fresh]


def bring_up_to_date(where: Path | Address, ranking: str | None = None) -> list[str]:
    """Migrate what is there and say so, line by line. `ranking`: who ranks from now on. Raises SetupError."""
    database = Database(where)
    if ranking is not None and database.dialect != "postgres":
        raise SetupError("only PostgreSQL can rank by itself: leave --ranking out, or set DATABASE_URL")
    database.open()
    try:
        done = migrate(database, to_text(time.time()))
        said = [f"applied {name}" for name in done] or ["nothing to do: the database is up to date"]
        if ranking is not None:
            with database.writing() as tx:
                queue.set_ranked_by(tx, ranking)
            said += _RANKING_SAID[ranking]
    finally:
        database.close()
    return said


def as_script() -> str:
    """All of it for PostgreSQL, to be run by hand in Supabase's SQL editor."""
    parts = [f"-- {name}\n{script.strip()}" for name, script in migrations("postgres")]
    names = ", ".join(f"('{name}', now()::text)" for name, _ in migrations("postgres"))
    note = f"insert into schema_migrations values {names};"  # noqa: S608 - names of our own files
    return "\n\n".join(["begin;", f"{LEDGER};", *parts, note, "commit;"])


_RANKING_SAID = {
    "cloud": ["the server ranks; if pg_cron ran it: select cron.unschedule('cosound');"],
    "database": [
        "the database ranks, once pg_cron is told to (Database → Extensions → pg_cron):",
        "select cron.schedule('cosound', '30 seconds', 'select refresh_queues()');",
    ],
}


def _done(database: Database) -> set[str]:
    ledger = {
        "sqlite": "select 1 from sqlite_master where type = 'table' and name = 'schema_migrations'",
        "postgres": "select 1 from pg_tables where schemaname = 'public' and tablename = 'schema_migrations'",
    }[database.dialect]
    with database.reading() as tx:
        if tx.value(ledger) is None:
            return set()
        return {row["name"] for row in tx.all("select name from schema_migrations")}
