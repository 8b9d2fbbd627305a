"""Row level security on the real PostgreSQL: the whole matrix, and the holes of the seeds' schema one by one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from postgres_server import PostgresServer
from rls_matrix import PERSONAS, Conn, insert, matrix, named, page, peopled, rows, tables

PAGE = Path(__file__).resolve().parents[2] / "docs" / "rls.md"
SECRET = {
    "auth_users", "player_tokens", "changes", "op_seen", "boots", "stamps", "claim_codes", "attempts",
    "schema_migrations", "ranking",
}  # fmt: skip


@pytest.fixture
def conn(server: PostgresServer) -> Iterator[Conn]:
    with server.database() as address, psycopg.connect(**address.parameters()) as opened:
        yield opened


def test_the_page_says_what_is_so(conn: Conn) -> None:
    found = matrix(conn)
    assert page(found) == PAGE.read_text()
    said = {cell for personas in found.values() for cells in personas.values() for cell in cells.values()}
    assert not [cell for cell in said if cell.startswith("others'")]
    for table, personas in found.items():
        writers = {
            name for name, cells in personas.items() if {cells[op] for op in ("insert", "update", "delete")} != {"–"}
        }
        assert writers <= ({"service", "admin"} if table == "roles" else {"service"}), table
        readers = {name for name, cells in personas.items() if cells["select"] != "–"}
        assert table not in SECRET or readers == {"service"}, table


def test_every_table_is_in_the_matrix_and_has_its_guard(conn: Conn) -> None:
    assert set(tables(conn)) == set(rows(1))
    unguarded = conn.execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' "
        "and not relrowsecurity"
    ).fetchall()
    assert unguarded == []


HOLES = [
    "select hash from player_tokens",
    "select email from profiles",
    "select certificate from songs",
    "select manager_id from players",
    "insert into roles (user_id, role) select '{anybody}', 'admin'",
    "update player_queue set position = 9",
    "insert into sessions (user_id, player_id) values ('{anybody}', '{room}')",
    "delete from players",
    "insert into votes (user_id, song_id, vote_value) values ('{anybody}', '{song}', 5)",
    "select * from recommend_with_penalty('[1,0,0,0,0]')",
    "select refresh_queues()",
]


@pytest.mark.parametrize("persona", PERSONAS[:2], ids=lambda persona: persona.name)
@pytest.mark.parametrize("hole", HOLES)
def test_the_holes_of_the_seeds_are_closed(conn: Conn, hole: str, persona: object) -> None:
    """Each of these was answered, or done, for anybody with the public key."""
    someone = persona
    assert someone in PERSONAS
    with peopled(conn):
        statement = hole.format(anybody=named("other listener"), room=named("room 1"), song=named("song 1"))
        conn.execute(f"set local role {someone.role}")  # type: ignore[attr-defined]
        conn.execute("select set_config('request.jwt.claims', %s, true)", [someone.claims])  # type: ignore[attr-defined]
        try:
            with conn.transaction():
                found = conn.execute(statement.encode())
                reached = found.fetchall() if found.description else [()] * found.rowcount
        except psycopg.errors.InsufficientPrivilege:
            return
        others = [row for row in reached if row != (f"{named('listener')}@x.org",)]
        assert others == []


def test_a_person_who_was_merged_is_who_they_became(conn: Conn) -> None:
    with peopled(conn):
        conn.execute("update profiles set merged_into = %s where id = %s", [named("other listener"), named("listener")])
        insert(
            conn, "tags", {"key_hash": "late", "key_version": 1, "profile_id": named("listener"), "created_at": "now"}
        )
        conn.execute("set local role authenticated")
        conn.execute("select set_config('request.jwt.claims', %s, true)", [PERSONAS[1].claims])
        assert conn.execute("select id::text from votes").fetchall() == [(named("vote 2"),)]
