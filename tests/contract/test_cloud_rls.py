"""Row level security on the real PostgreSQL: the whole matrix, and the holes of the seeds' schema one by one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from postgres_server import PostgresServer
from rls_matrix import PERSONAS, ROLES, Conn, functions, insert, matrix, named, peopled, rows, tables
from rls_page import page

from cloud_stub.database import Database
from cloud_stub.migrate import migrate

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
    assert page(conn, found) == PAGE.read_text()
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
    """A table or a view that somebody adds is red here until it stands in `rows`."""
    assert set(tables(conn)) == set(rows(1))
    unguarded = conn.execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') "
        "and not relrowsecurity"
    ).fetchall()
    assert unguarded == []


PRIVILEGES = (
    "select c.relname, r.rolname, p.name from pg_class c, pg_roles r, unnest(%s::text[]) as p (name) "
    "where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f') "
    "and r.rolname in ('anon', 'authenticated') and {}(r.oid, c.oid, p.name) order by 1, 2, 3"
)


def test_nobody_may_do_to_a_table_what_no_guard_sees(conn: Conn) -> None:
    """Emptying one whole, hanging triggers on it, or pointing at its keys: row level security is not asked."""
    held = conn.execute(PRIVILEGES.format("has_table_privilege"), [["truncate", "references", "trigger"]])
    assert held.fetchall() == []


def test_people_write_to_no_column_but_of_roles(conn: Conn) -> None:
    """Not even to one that no policy lets them reach today: the grant is the first door."""
    held = conn.execute(PRIVILEGES.format("has_any_column_privilege"), [["insert", "update"]])
    assert {(table, role) for table, role, _ in held} == {("roles", "authenticated")}


def test_no_function_opens_what_the_guards_close(conn: Conn) -> None:
    """Those that run as their owner look names up nowhere but where they say, and few may be called at all."""
    found = {schema: functions(conn, schema) for schema in ("public", "private")}
    for function in [*found["public"], *found["private"]]:
        assert not function.as_owner or function.search_path == 'search_path=""', function
    open_to_all = {function.name.split("(")[0] for function in found["public"] if "anon" in function.callers}
    assert open_to_all == {"sync_pull", "sync_push"}
    asked_by_guards = {function.name.split("(")[0] for function in found["private"] if "anon" in function.callers}
    assert asked_by_guards == {"private.me", "private.is_admin", "private.manages", "private.log_is_kept"}


ACCESS = """
select c.relname, c.relacl::text from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
union all select p.proname || p.oid::regprocedure::text, p.proacl::text from pg_proc p
where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
and not exists (select 1 from pg_depend d where d.objid = p.oid and d.deptype = 'e')
union all select a.attrelid::regclass || '.' || a.attname, a.attacl::text from pg_attribute a
join pg_class c on c.oid = a.attrelid where c.relnamespace = 'public'::regnamespace and a.attacl is not null
"""
SUPABASE_GRANTS = "; ".join(
    f"alter default privileges in schema public grant all on {kind} to {', '.join(ROLES)}"
    for kind in ("tables", "functions", "sequences")
)


def test_supabases_customary_grants_change_nothing(conn: Conn, server: PostgresServer) -> None:
    """A project hands everything new to everybody: whatever we make must have taken that back."""
    server.command("create database generous")
    try:
        server.command(SUPABASE_GRANTS, "generous")
        database = Database(server.running.address("generous"))
        database.open()
        migrate(database, "2027-01-01T00:00:00.000000+00:00")
        database.close()
        with psycopg.connect(server.running.url("generous")) as generous:
            assert _access(generous) == _access(conn)
    finally:
        server.command("drop database generous with (force)")


def _access(conn: Conn) -> dict[str, set[str]]:
    """What → what people may do with it; the service may do everything in any case."""
    return {
        name: {each for each in (acl or "").strip("{}").split(",") if each.startswith(("=", "anon=", "authenticated="))}
        for name, acl in conn.execute(ACCESS)
    }


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
