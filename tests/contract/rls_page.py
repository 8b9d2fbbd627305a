"""The matrix as a page of the documentation: `python tests/contract/rls_page.py docs/rls.md` writes it anew."""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg
from rls_matrix import AT, PERSONAS, ROLES, Conn, Matrix, functions, hidden_columns, matrix

from cloud_stub.database import Database
from cloud_stub.embedded_postgres import EmbeddedPostgres
from cloud_stub.migrate import migrate

HEAD = """# Who may see and change what in the database

Through Supabase's own API, table by table; found out by trying it on a real PostgreSQL, and compared with
this page by a test (`python tests/contract/rls_page.py docs/rls.md` writes it anew). “theirs” are rows
about the person, for a manager those of their rooms. The server itself connects as the owner of the tables
and asks for itself who may do what; tokens, password hashes and the boxes' log are for it alone. People do
not write to tables at all, but through the server: a vote moves a taste and a stay moves a queue.
"""
COLUMNS = """
## Columns that are not shown

Where only some columns can be read, these cannot.
"""
FUNCTIONS = """
## Functions

What can be called through the API, and by whom. One that runs as its owner sees every row and asks for itself
who is calling; all of those have a fixed search path. Functions in `private` cannot be called through the API;
the questions that the guards ask there are answered to everybody, the others to nobody.
"""


def page(conn: Conn, found: Matrix) -> str:
    lines = [HEAD, _row("table", *(persona.name for persona in PERSONAS)), "|---" * (len(PERSONAS) + 1) + "|"]
    for table in sorted(found):
        lines.append(_row(f"`{table}`", *(_cell(found[table][persona.name]) for persona in PERSONAS)))
    lines += [COLUMNS, _row("table", "for anon", "for whoever is logged in"), "|---|---|---|"]
    lines += [_hidden(conn, table) for table in sorted(found) if _is_partly_shown(found[table])]
    lines += [FUNCTIONS, _row("function", *ROLES, "runs as"), "|---" * (len(ROLES) + 2) + "|"]
    for function in functions(conn, "public"):
        callers = ("yes" if role in function.callers else "–" for role in ROLES)
        lines.append(_row(f"`{function.name}`", *callers, "its owner" if function.as_owner else "the caller"))
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(operations: dict[str, str]) -> str:
    if set(operations.values()) == {"all"}:
        return "everything"
    said = [f"{operation} {scope}" for operation, scope in operations.items() if scope != "–"]
    return ", ".join(said) or "–"


def _is_partly_shown(personas: dict[str, dict[str, str]]) -> bool:
    return any("columns" in cell for cells in personas.values() for cell in cells.values())


def _hidden(conn: Conn, table: str) -> str:
    anon, listener = PERSONAS[0], PERSONAS[1]
    shown = (", ".join(f"`{name}`" for name in hidden_columns(conn, persona, table)) for persona in (anon, listener))
    return _row(f"`{table}`", *shown)


def main(target: Path) -> None:
    with EmbeddedPostgres() as server:
        database = Database(server.address())
        database.open()
        migrate(database, AT)
        database.close()
        with psycopg.connect(server.url()) as conn:
            target.write_text(page(conn, matrix(conn)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
