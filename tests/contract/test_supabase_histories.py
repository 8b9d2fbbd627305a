"""The histories of tests/unit/sync through the second door: the same boxes, network and faults, the cloud in SQL."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from postgres_server import PostgresServer

from appliance.clock import ManualClock
from cloud_stub.database import Database
from cloud_stub.engines.address import Address
from cloud_stub.project import _call, _status
from cloud_stub.repositories import players
from cloud_stub.tokens import PlayerToken, new_token
from sync.supabase import Supabase
from tests.histories import BoxesAndCloud
from tests.true_cloud import BEGAN_S, ROOMS, Line, TrueCloud, player_id

HISTORIES = max(int(os.environ.get("COSOUND_HISTORIES", "500")) // 80, 1)  # each costs far more time here
SEED = int(os.environ.get("COSOUND_SEED", "1"))
SETTINGS = settings(
    max_examples=HISTORIES,
    stateful_step_count=25,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
BACKUP, BEGINNING = "backup", "beginning"


@dataclass
class Rooms:
    """A database with two rooms, their tokens, and copies of all its rows to go back to."""

    address: Address
    conn: psycopg.Connection[Any]
    tokens: list[PlayerToken]

    def keep(self, name: str) -> None:
        made = (f"create table {name}.{table} as table public.{table}" for table in self._tables())
        self._all(f"drop schema if exists {name} cascade", f"create schema {name}", *made)

    def go_back_to(self, name: str) -> None:
        tables = self._tables()
        gone = (f"delete from public.{table}" for table in tables)
        back = (f"insert into public.{table} select * from {name}.{table}" for table in tables)
        self._all("set local session_replication_role = replica", *gone, *back)

    def _tables(self) -> list[str]:
        found = self.conn.execute("select tablename from pg_tables where schemaname = 'public'")
        return [row[0] for row in found]

    def _all(self, *statements: str) -> None:
        with self.conn.transaction():
            self.conn.execute("; ".join(statements).encode())


@pytest.fixture(scope="module")
def rooms(server: PostgresServer) -> Iterator[Rooms]:
    with server.database() as address, psycopg.connect(**address.parameters(), autocommit=True) as conn:
        made = Rooms(address, conn, [new_token() for _ in ROOMS])
        database = Database(address)
        database.open()
        with database.writing() as tx:
            for number, name in enumerate(ROOMS):
                players.create(tx, name, made.tokens[number], BEGAN_S, player_id=player_id(number))
        database.close()
        made.keep(BEGINNING)
        yield made
        conn.execute(f"drop schema {BEGINNING} cascade; drop schema if exists {BACKUP} cascade")


class SqlCloud(TrueCloud):
    """Boxes speak to its two functions; what its staff and timers do beside them is our server's, or pg_cron's."""

    def __init__(self, rooms: Rooms, clock: ManualClock, page: int) -> None:
        self._rooms = rooms
        self._clock = clock
        self._page = page
        self._conn = rooms.conn
        rooms.go_back_to(BEGINNING)
        self.database = Database(rooms.address)
        self.database.open()

    def client(self, room: int, line: Line | None = None) -> Supabase:  # type: ignore[override]  # a door like the other
        def handle(request: httpx.Request) -> httpx.Response:
            return (line(request) if line else None) or self.answer(room, request)

        http = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://project")
        return Supabase(http, "sb_publishable_x", self._rooms.tokens[room].text)

    def answer(self, room: int, request: httpx.Request) -> httpx.Response:
        arguments = json.loads(request.content)
        if "pull" in arguments:
            arguments["pull"]["limit"] = self._page
        headers = {"x-api-key": self._rooms.tokens[room].text, "x-test-now": repr(self.now_s)}
        try:
            with self._conn.transaction():
                name = request.url.path.rpartition("/")[2]
                return httpx.Response(200, content=_call(self._conn, name, arguments, {"role": "anon"}, headers))
        except psycopg.Error as error:
            code = error.sqlstate or ""
            return httpx.Response(_status(code, "anon"), json={"code": code, "message": str(error)})

    def back_up(self) -> None:
        self._rooms.keep(BACKUP)

    def restore(self) -> None:
        self._rooms.go_back_to(BACKUP)

    def refresh(self) -> None:
        """As pg_cron, who says nothing of a log that is kept."""
        with self._conn.transaction():
            now = json.dumps({"x-test-now": self.now_s})
            self._conn.execute("select set_config('request.headers', %s, true)", [now])
            self._conn.execute("select private.close_passed()")

    def close(self) -> None:
        self.database.close()


@pytest.mark.timeout(120 + 2 * HISTORIES)
def test_histories_through_the_second_door(rooms: Rooms) -> None:
    class BoxesAndSql(BoxesAndCloud):
        def new_cloud(self, folder: Path) -> TrueCloud:
            return SqlCloud(rooms, self.clock, page=3)

    run_state_machine_as_test(seed(SEED)(BoxesAndSql), settings=SETTINGS)
