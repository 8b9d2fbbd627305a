"""Pages of a large bucket through Supabase's door: in order, each row once, and none of them read twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from postgres_server import PostgresServer

SONGS, PAGE = 6000, 20
MOST_READ = 2 * PAGE  # blocks: rows lie where they were written, each perhaps in one of its own
Conn = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def conn(server: PostgresServer) -> Iterator[Conn]:
    with server.database() as address, psycopg.connect(**address.parameters(), autocommit=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def room(conn: Conn) -> str:
    conn.execute(
        b"insert into songs (title, file_url, type, sha256, byte_size) select repeat('long ', 400), 'x', 'soundscape', "
        b"md5(n::text) || md5((-n)::text), 1 from generate_series(1, %d) n" % SONGS
    )
    (made,) = conn.execute("select player_id from private.new_room('Lobby')").fetchall()
    return str(made[0])


def page(conn: Conn, room: str, *, reset: bool, **pull: Any) -> tuple[list[dict[str, Any]], int, bool]:
    row = conn.execute(
        "select changes, last_rev, more from private.changes_json(%s, %s, %s, %s)",
        [room, json.dumps({"since": 0, **pull}), reset, PAGE],
    ).fetchone()
    assert row is not None
    return json.loads(f"[{row[0]}]"), row[1], row[2]


def test_the_whole_bucket_comes_in_the_order_of_its_names(conn: Conn, room: str) -> None:
    got, cursor = [], None
    while True:
        changes, _, more = page(conn, room, reset=True, cursor=cursor)
        got += [(change["tbl"], change["pk"]) for change in changes]
        if not more:
            break
        cursor = f"{got[-1][0]}:{got[-1][1]}"
    assert len(got) == SONGS
    assert got == sorted(set(got))


def test_what_is_new_comes_in_the_order_it_became_so(conn: Conn, room: str) -> None:
    got, since, more = [], 0, True
    while more:
        changes, since, more = page(conn, room, reset=False, since=since)
        got += [change["rev"] for change in changes]
    assert got == list(range(1, SONGS + 1))


@pytest.mark.parametrize(("reset", "where"), [(True, {}), (True, {"cursor": "songs:8"}), (False, {"since": 3000})])
def test_a_page_reads_no_more_than_its_rows(conn: Conn, room: str, reset: bool, where: dict[str, Any]) -> None:
    """Nobody has counted the rows since they came: that is when a planner left alone sorts all of them."""
    row = conn.execute(
        "explain (analyze, buffers, format json) select * from private.changes_json(%s, %s, %s, %s)",
        [room, json.dumps({"since": 0, **where}), reset, PAGE],
    ).fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    read = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] + plan["Temp Read Blocks"]
    assert 0 < read < MOST_READ
