"""Numbered migrations, each applied once, together with the note that it was.

`schema/NNN_*.sql` is for both engines, `schema/postgres/NNN_*.sql` for PostgreSQL alone (Supabase's roles, who may
read and write which rows, ranking in the database); the numbers order them all.
"""

from __future__ import annotations

from importlib import resources

from cloud_stub.database import Database
from cloud_stub.engines.engine import Dialect

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


def _done(database: Database) -> set[str]:
    ledger = {
        "sqlite": "select 1 from sqlite_master where type = 'table' and name = 'schema_migrations'",
        "postgres": "select 1 from pg_tables where schemaname = 'public' and tablename = 'schema_migrations'",
    }[database.dialect]
    with database.reading() as tx:
        if tx.value(ledger) is None:
            return set()
        return {row["name"] for row in tx.all("select name from schema_migrations")}
