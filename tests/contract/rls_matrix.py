"""Who may do what to which rows, found out by doing it on a real PostgreSQL as PostgREST would."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import psycopg
from psycopg import sql

AT = "2027-01-15T08:00:00+00:00"
ROLES = ("anon", "authenticated", "service_role")
OPERATIONS = ("select", "insert", "update", "delete")
Conn = psycopg.Connection[Any]
Matrix = dict[str, dict[str, dict[str, str]]]


def named(name: str) -> str:
    return str(uuid5(UUID(int=0), name))


@dataclass(frozen=True)
class Persona:
    """`side` is which of the two worlds is theirs: 1 (Ada in the lobby), 2 (Bob in the bar), or neither."""

    name: str
    role: str
    side: int | None = None

    @property
    def claims(self) -> str:
        return json.dumps({"sub": named(f"login of {self.name}"), "role": self.role})


PERSONAS = (
    Persona("anon", "anon"),
    Persona("listener", "authenticated", 1),
    Persona("other listener", "authenticated", 2),
    Persona("manager", "authenticated", 1),
    Persona("other venue's manager", "authenticated", 2),
    Persona("admin", "authenticated"),
    Persona("service", "service_role"),
)


def rows(side: int) -> dict[str, dict[str, Any]]:
    """One row of every table on that side: a listener, who votes and stays in a room that a manager looks after."""
    person = {1: "listener", 2: "other listener"}[side]
    manager = {1: "manager", 2: "other venue's manager"}[side]
    who, room, song, op = named(person), named(f"room {side}"), named(f"song {side}"), named(f"op {side}")
    vote = {"user_id": who, "song_id": song, "vote_value": 4, "vote_time": AT, "player_id": room}
    of_room = {"player_id": room}
    return {
        "auth_users": {"id": named(f"login of {person}"), "password_hash": "x", "is_anonymous": 0, "created_at": AT},
        "profiles": _profile(person),
        "taste_state": {"profile_id": who, "mean": "[]", "precision": "[]", "votes": 1, "rev": 1},
        "tags": {"key_hash": f"card {side}", "key_version": 1, "profile_id": who, "created_at": AT},
        "handovers": {"hash": f"token {side}", "profile_id": who, "created_at": AT},
        "handover_codes": {"hash": f"digits {side}", "profile_id": who, "created_at": AT, "expires_at": AT},
        "roles": {"id": named(f"role {side}"), "user_id": named(manager), "role": "manager"},
        "songs": {"id": song, "title": "Rain", "file_url": "/media/x", "type": "soundscape", "sha256": f"{side}",
                  "byte_size": 1, "certificate": "proof"},
        "players": {"id": room, "name": f"Room {side}", "manager_id": named(manager), "epoch": "e",
                    "rev": 1},
        "player_tokens": {"prefix": f"prefix{side}", **of_room, "hash": "x", "created_at": AT},
        "player_library": {"id": named(f"library {side}"), **of_room, "song_id": song},
        "player_queue": {"id": named(f"queue {side}"), **of_room, "song_id": song, "position": 1},
        "queue_rules": {**of_room, "song_id": song, "kind": "pin"},
        "settings": {**of_room, "key": "house_taste", "value": "[]"},
        "sessions": {"id": named(f"stay {side}"), "user_id": who, **of_room},
        "votes": {"id": named(f"vote {side}"), **vote, "source": "phone", "taste_rev": 1},
        "held_votes": {"vote_id": named(f"held {side}"), **vote, "layers": "[]"},
        "songs_playing": {"id": named(f"play {side}"), **of_room, "song_id": song},
        "player_state": {**of_room, "heard_at": AT, "boot_id": "b", "audible": 1, "silent_on_purpose": 0,
                         "layers": "[]", "why": "[]", "here": 0, "pending": 0, "underruns": 0, "version": ""},
        "scenes": {**of_room, "heard_at": AT, "layers": "[]"},
        "op_seen": {**of_room, "op_id": op, "n": 1, "type": "vote", "status": "applied", "seen_at": AT},
        "boots": {**of_room, "boot_id": "b", "offset_s": 0.0, "seen_at": AT},
        "changes": {**of_room, "tbl": "tags", "pk": "k", "rev": 1, "op": "put", "row_json": "{}", "changed_at": AT},
        **_of_the_server(side, room),
    }  # fmt: skip


def _profile(persona: str) -> dict[str, Any]:
    return {
        "id": named(persona), "auth_user_id": named(f"login of {persona}"), "email": f"{named(persona)}@x.org",
        "display_name": persona, "created_at": AT, "updated_at": AT,
    }  # fmt: skip


def _of_the_server(side: int, room: str) -> dict[str, dict[str, Any]]:
    """Tables that are about nobody."""
    return {
        "claim_codes": {"hash": f"code {side}", "player_id": room, "created_at": AT, "expires_at": AT},
        "stamps": {
            "player_id": room,
            "tbl": "queue_rules",
            "pk": f"{side}",
            "at_ms": 1,
            "word_id": named(f"word {side}"),
            "by_box": 1,
        },
        "attempts": {"who": f"hash {side}", "began_at": AT, "n": 1},
        "schema_migrations": {"name": f"{side}.sql", "applied_at": AT},
        "ranking": {"one": True, "owner": "cloud"},
    }


@contextmanager
def peopled(conn: Conn) -> Iterator[None]:
    """Both sides' rows and everybody's profile in a transaction that is undone."""
    with conn.transaction(force_rollback=True):
        conn.execute("set local session_replication_role = replica")
        for persona in PERSONAS[3:6]:
            insert(conn, "profiles", _profile(persona.name))
        insert(conn, "roles", {"id": named("admin's role"), "user_id": named("admin"), "role": "admin"})
        for side in (1, 2):
            for table, row in rows(side).items():
                if table != "ranking":
                    insert(conn, table, row)
        conn.execute("set local session_replication_role = origin")
        yield


def tables(conn: Conn) -> list[str]:
    """Everything in `public` that has rows: tables of every kind, and views, which would go round the guards."""
    found = conn.execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace "
        "and relkind in ('r', 'p', 'v', 'm', 'f') order by 1"
    )
    return [row[0] for row in found]


def hidden_columns(conn: Conn, persona: Persona, table: str) -> list[str]:
    """The columns of a table that the persona cannot read, tried one by one."""
    with peopled(conn), conn.transaction(force_rollback=True):
        conn.execute(sql.SQL("set local role {}").format(sql.Identifier(persona.role)))
        names = conn.execute(
            "select attname from pg_attribute where attrelid = ('public.' || quote_ident(%s))::regclass "
            "and attnum > 0 and not attisdropped order by attnum", [table],
        ).fetchall()  # fmt: skip
        return [name for (name,) in names if not _reads(conn, table, name)]


def _reads(conn: Conn, table: str, column: str) -> bool:
    try:
        with conn.transaction():
            conn.execute(sql.SQL("select {} from {}").format(sql.Identifier(column), sql.Identifier(table)))
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


@dataclass(frozen=True)
class Function:
    """One of ours. `callers`: the roles that may call it; `as_owner`: it sees all rows, whoever calls."""

    name: str
    callers: tuple[str, ...]
    as_owner: bool
    search_path: str | None


def functions(conn: Conn, schema: str) -> list[Function]:
    """All functions of a schema that no extension brought."""
    found = conn.execute(
        "select p.oid::regprocedure::text, p.prosecdef, array_to_string(p.proconfig, ' '), "
        "array(select r.rolname::text from pg_roles r where r.rolname = any(%s) "
        "and has_function_privilege(r.oid, p.oid, 'execute')) "
        "from pg_proc p where p.pronamespace = %s::regnamespace "
        "and not exists (select 1 from pg_depend d where d.objid = p.oid and d.deptype = 'e') order by 1",
        [[*ROLES], schema],
    )
    return [
        Function(name, tuple(role for role in ROLES if role in callers), as_owner, config)
        for name, as_owner, config, callers in found
    ]


def may(conn: Conn, persona: Persona, operation: str, table: str, row: Mapping[str, Any]) -> str:
    """`yes`, `no`, or `columns` when only some of them can be read."""
    with conn.transaction(force_rollback=True):
        if operation == "insert":
            conn.execute("set local session_replication_role = replica")
            conn.execute(sql.SQL("delete from {} where {}").format(sql.Identifier(table), _where(table, row)))
            conn.execute("set local session_replication_role = origin")
        conn.execute(sql.SQL("set local role {}").format(sql.Identifier(persona.role)))
        conn.execute("select set_config('request.jwt.claims', %s, true)", [persona.claims])
        if operation == "select":
            return _may_read(conn, table, row)
        return "yes" if _touches(conn, _statement(operation, table, row)) else "no"


def _may_read(conn: Conn, table: str, row: Mapping[str, Any]) -> str:
    where = _where(table, row)
    if _touches(conn, sql.SQL("select * from {} where {}").format(sql.Identifier(table), where)):
        return "yes"
    key = sql.Identifier(next(iter(row)))
    return (
        "columns"
        if _touches(conn, sql.SQL("select {} from {} where {}").format(key, sql.Identifier(table), where))
        else "no"
    )


def _touches(conn: Conn, statement: sql.Composed) -> bool:
    """Whether it meets a row; a key that stands in the way means that it was allowed."""
    try:
        with conn.transaction():
            return conn.execute(statement).rowcount > 0
    except psycopg.errors.InsufficientPrivilege:
        return False
    except psycopg.errors.ForeignKeyViolation:
        return True


def _statement(operation: str, table: str, row: Mapping[str, Any]) -> sql.Composed:
    name, key = sql.Identifier(table), sql.Identifier(next(iter(row)))
    if operation == "insert":
        return _insert(table, row)
    if operation == "update":
        return sql.SQL("update {} set {} = {} where {}").format(name, key, key, _where(table, row))
    return sql.SQL("delete from {} where {}").format(name, _where(table, row))


def insert(conn: Conn, table: str, row: Mapping[str, Any]) -> None:
    conn.execute(_insert(table, row))


def _insert(table: str, row: Mapping[str, Any]) -> sql.Composed:
    columns = sql.SQL(", ").join(map(sql.Identifier, row))
    values = sql.SQL(", ").join(map(sql.Literal, row.values()))
    return sql.SQL("insert into {} ({}) values ({})").format(sql.Identifier(table), columns, values)


def _where(table: str, row: Mapping[str, Any]) -> sql.Composed:
    """Its first column names the row well enough here."""
    key = next(iter(row))
    return sql.SQL("{} = {}").format(sql.Identifier(key), sql.Literal(row[key]))


def matrix(conn: Conn) -> Matrix:
    """table → persona → operation → all | theirs | others' | –, with `columns` where only some can be read."""
    first, second = rows(1), rows(2)
    with peopled(conn):
        return {
            table: {
                persona.name: {
                    operation: _scope(
                        persona,
                        may(conn, persona, operation, table, first[table]),
                        may(conn, persona, operation, table, second[table]),
                    )
                    for operation in OPERATIONS
                }
                for persona in PERSONAS
            }
            for table in tables(conn)
        }  # fmt: skip


def _scope(persona: Persona, first: str, second: str) -> str:
    allowed = [side for side, answer in ((1, first), (2, second)) if answer != "no"]
    some = " (some columns)" if "columns" in (first, second) else ""
    if not allowed:
        return "–"
    if len(allowed) == 2:
        return f"all{some}"
    return f"theirs{some}" if allowed == [persona.side] else f"others'{some}"
