"""Numbered migrations: `schema/NNN_*.sql`, each applied once, together with the note that it was."""

from __future__ import annotations

from importlib import resources

from cloud_stub.database import Database

_LEDGER = "create table if not exists schema_migrations (name text primary key, applied_at text not null)"


def migrations() -> list[tuple[str, str]]:
    """(name, script) in order."""
    files = resources.files("cloud_stub").joinpath("schema").iterdir()
    found = [(file.name, file.read_text()) for file in files if file.name.endswith(".sql")]
    return sorted(found)


def migrate(database: Database, now_text: str) -> list[str]:
    """Bring the database up to date; returns the names of what was applied now."""
    with database.writing() as tx:
        tx.run(_LEDGER)
    with database.reading() as tx:
        done = {row["name"] for row in tx.all("select name from schema_migrations")}
    fresh = [(name, script) for name, script in migrations() if name not in done]
    for name, script in fresh:
        database.apply_script(script, "insert into schema_migrations values (?, ?)", name, now_text)
    return [name for name, _ in fresh]
