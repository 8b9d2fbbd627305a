"""What both engines promise: moments and ids as text, parts undone alone, writers that lose nothing of another's."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from cloud_world import FIRE, RAIN, World, cloud_world, stay, vote
from postgres_server import PostgresServer

from cloud_stub.database import Database
from cloud_stub.embedded_postgres import CARRIER, EmbeddedPostgres
from cloud_stub.engines.address import Address
from cloud_stub.engines.postgres import PostgresAnswer, PostgresSession
from cloud_stub.errors import DatabaseError, SetupError
from cloud_stub.migrate import migrate, pending
from cloud_stub.moments import to_text
from cloud_stub.repositories import players, profiles
from tests.patience import PATIENCE_S, until

PLAYER = "insert into players (id, name, created_at, epoch) values (?, ?, ?, ?)"


@pytest.fixture
def database(where: Path | Address) -> Iterator[Database]:
    made = Database(where)
    made.open()
    migrate(made, "now")
    yield made
    made.close()


def test_what_is_stored_comes_back_as_the_same_text(database: Database) -> None:
    player_id, at = str(uuid4()), to_text(1_800_000_000.000_001)
    with database.writing() as tx:
        tx.run(PLAYER, player_id, "100 % ?", at, "e")
    with database.reading() as tx:
        row = tx.one("select * from players where created_at = ? and name like '100 %'", at)
        assert row is not None
        assert (row["id"], row["created_at"], row["name"], row["rev"]) == (player_id, at, "100 % ?", 0)
        assert tx.value("select max(created_at) from players") == at
        assert (tx.one("select 1 from players where id = ?", str(uuid4())), tx.value("select 5")) == (None, 5)


def test_a_part_is_undone_alone(database: Database) -> None:
    player_id = str(uuid4())
    with database.writing() as tx:
        tx.run(PLAYER, player_id, "Lobby", to_text(0), "e")
        with pytest.raises(Database.IntegrityError), tx.part():
            tx.run("update players set name = 'Bar'")
            tx.run(PLAYER, player_id, "Lobby", to_text(0), "e")
        tx.run("update players set epoch = 'f'")
    with database.reading() as tx:
        assert tx.all("select name, epoch from players") == [{"name": "Lobby", "epoch": "f"}]


def test_what_was_told_is_there_for_who_asks_next(database: Database) -> None:
    player_id = str(uuid4())
    with database.writing() as tx:
        tx.tell(PLAYER, player_id, "Lobby", to_text(0), "e")
        named = tx.ask(list, "select name from players where id = ?", player_id)
        tx.tell("update players set name = 'Bar' where id = ?", player_id)
        renamed = tx.ask(list, "select name from players where id = ?", player_id)
        assert (renamed.get(), named.get()) == ([{"name": "Bar"}], [{"name": "Lobby"}])
        assert named.get() == [{"name": "Lobby"}], "an answer stays"


def test_what_was_told_in_a_part_fails_in_that_part(database: Database) -> None:
    player_id = str(uuid4())
    with database.writing() as tx:
        tx.tell(PLAYER, player_id, "Lobby", to_text(0), "e")
        with pytest.raises(Database.IntegrityError), tx.part():
            tx.tell("update players set name = 'Bar'")
            tx.tell(PLAYER, player_id, "Lobby", to_text(0), "e")
        tx.tell("update players set epoch = 'f'")
    with database.reading() as tx:
        assert tx.all("select name, epoch from players") == [{"name": "Lobby", "epoch": "f"}]


def test_a_part_that_gives_up_is_undone_whatever_it_had_told(database: Database) -> None:
    player_id = str(uuid4())
    with database.writing() as tx:
        tx.tell(PLAYER, player_id, "Lobby", to_text(0), "e")
        with suppress(ZeroDivisionError, Database.IntegrityError), tx.part():
            tx.tell("update players set name = 'Bar'")
            tx.tell(PLAYER, player_id, "Lobby", to_text(0), "e")
            1 / 0  # noqa: B018 - it is meant to fail
        tx.tell("update players set epoch = 'f'")
    with database.reading() as tx:
        assert tx.all("select name, epoch from players") == [{"name": "Lobby", "epoch": "f"}]


def test_what_was_told_last_fails_the_whole(database: Database) -> None:
    with pytest.raises(Database.IntegrityError), database.writing() as tx:
        tx.tell(PLAYER, str(uuid4()), "Lobby", to_text(0), "e")
        tx.tell("insert into roles (id, user_id, role) values (?, ?, 'admin')", str(uuid4()), str(uuid4()))
    with database.reading() as tx:
        assert tx.value("select count(*) from players") == 0


def test_a_vote_makes_few_trips(server: PostgresServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trip to PostgreSQL costs more than what is done there."""
    with server.database() as address, cloud_world(folder, address) as world:
        rain, fire, box, phone = world.song("Rain", RAIN), world.song("Fire", FIRE), world.box(), world.phone()
        world.check_in(phone, box)
        box.hears((rain, 0.5), (fire, 0.5))
        assert phone.post("/api/votes", song_id=fire, vote_value=5).status_code == 200
        world.time.advance(1)
        trips = watched(monkeypatch)
        assert phone.post("/api/votes", song_id=rain, vote_value=5).status_code == 200
        (of_the_vote,) = [made for made in trips.values() if any("insert into votes" in sql for sql in chain(*made))]
    assert len(of_the_vote) <= 3
    assert len(list(chain(*of_the_vote))) <= 16


def test_a_push_and_a_pull_make_few_trips(
    server: PostgresServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    with server.database() as address, cloud_world(folder, address) as world:
        rain, box, plays = world.song("Rain", RAIN), world.box(), 20
        mark = box.pull()
        ops = [box.op("play", {"play_id": str(uuid4()), "song_id": rain}) for _ in range(plays)]
        trips = watched(monkeypatch)
        assert box.push(*ops) == ["applied"] * plays
        (of_the_push,) = [made for made in trips.values() if any("insert into op_seen" in sql for sql in chain(*made))]
        assert len(of_the_push) <= 3 * plays + 4
        trips.clear()
        box.pull(epoch=mark["epoch"], since=mark["next"])
        (of_the_pull,) = [made for made in trips.values() if any("from changes" in sql for sql in chain(*made))]
    assert len(of_the_pull) <= 2


def watched(monkeypatch: pytest.MonkeyPatch) -> dict[PostgresSession, list[list[str]]]:
    """The statements whose answers are waited for together, from now on; the server has other work, too."""
    trips: defaultdict[PostgresSession, list[list[str]]] = defaultdict(list)
    asked: defaultdict[PostgresSession, list[str]] = defaultdict(list)
    ask, settle = PostgresSession.ask, PostgresSession.settle

    def noted(session: PostgresSession, sql: str, args: Sequence[object]) -> PostgresAnswer:
        asked[session].append(sql)
        return ask(session, sql, args)

    def settled(session: PostgresSession) -> None:
        if together := asked.pop(session, []):
            trips[session].append(together)
        settle(session)

    monkeypatch.setattr(PostgresSession, "ask", noted)
    monkeypatch.setattr(PostgresSession, "settle", settled)
    return trips


def test_a_write_that_fails_leaves_nothing_and_tells_nobody(database: Database) -> None:
    told: list[object] = []
    database.on_commit.append(told.append)
    with pytest.raises(ZeroDivisionError), database.writing() as tx:
        tx.run(PLAYER, str(uuid4()), "Lobby", to_text(0), "e")
        1 / 0  # noqa: B018 - it is meant to fail
    with pytest.raises(Database.IntegrityError), database.writing() as tx:
        tx.run("insert into roles (id, user_id, role) values (?, ?, 'admin')", str(uuid4()), str(uuid4()))
    with database.reading() as tx:
        assert tx.value("select count(*) from players") == 0
    assert told == []


def test_a_database_is_migrated_once(database: Database) -> None:
    assert pending(database) == []
    assert migrate(database, "later") == []


def test_the_same_batch_twice_at_once_is_applied_once(world: World) -> None:
    """A box whose first answer was lost on the way asks again while the first is still at work."""
    box, rain, fire = world.box(), world.song("Rain", RAIN), world.song("Fire", FIRE)
    person = world.card_holder("c" * 64)
    for song in (rain, fire):
        batch = [box.op("checkin", stay(person)), box.op("vote", vote(person, song))]
        body = {**box.now_fields(), "ops": batch}
        asked = [world.client.later("POST", "/api/sync/v1/push", headers=box.headers, json=body) for _ in range(4)]
        verdicts = [answer.result(PATIENCE_S).json()["results"] for answer in asked]
        assert all(verdict == verdicts[0] for verdict in verdicts)
    assert world.read(profiles.taste, person)[1] == 2
    assert len(world.read(lambda tx: tx.all("select * from op_seen"))) == 4


@pytest.fixture
def postgres(server: PostgresServer) -> Iterator[Database]:
    with server.database() as address:
        database = Database(address)
        database.open()
        yield database
        database.close()


def test_writers_from_two_copies_lose_nothing_of_one_another(server: PostgresServer, postgres: Database) -> None:
    player_id = str(uuid4())
    with postgres.writing() as tx:
        tx.run(PLAYER, player_id, "Lobby", to_text(0), "e")

    def count_up(_: int) -> None:
        with postgres.writing() as tx:  # read first, then write: without the lock half of them would be lost
            rev = tx.value("select rev from players where id = ?", player_id)
            tx.run("update players set rev = ? where id = ?", rev + 1, player_id)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count_up, range(100)))
    with postgres.reading() as tx:
        assert tx.value("select rev from players") == 100


def test_a_room_does_not_wait_for_another_but_for_everybody(server: PostgresServer, postgres: Database) -> None:
    with ThreadPoolExecutor(1) as pool:
        with postgres.writing("room 1") as tx:
            tx.value("select 1")
            pool.submit(_write, postgres, "room 2").result(PATIENCE_S)
            everybody = pool.submit(_write, postgres, None)
            _until_one_waits(server)
            assert not everybody.done()
        everybody.result(PATIENCE_S)
        with postgres.writing("room 1") as tx:
            tx.value("select 1")
            waiting = pool.submit(_write, postgres, "room 1")
            _until_one_waits(server)
            assert not waiting.done()
        waiting.result(PATIENCE_S)


def _until_one_waits(server: PostgresServer) -> None:
    with psycopg.connect(server.running.url(), autocommit=True) as conn:
        while conn.execute("select 1 from pg_locks where not granted").fetchone() is None:
            pass


def _write(database: Database, room: str | None) -> None:
    with database.writing(room) as tx:
        tx.value("select 1")


def test_connections_that_were_cut_are_replaced(server: PostgresServer, postgres: Database) -> None:
    with postgres.reading() as one, postgres.reading() as other:  # two connections lie idle afterwards
        assert one.value("select 1") == other.value("select 1")
    server.command("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'test_cosound'")
    for _ in range(3):
        with postgres.writing() as tx:
            assert tx.value("select 1") == 1


def test_one_that_is_cut_at_work_stores_nothing(server: PostgresServer, postgres: Database) -> None:
    with pytest.raises(DatabaseError), postgres.writing() as tx:
        tx.run(PLAYER, str(uuid4()), "Lobby", to_text(0), "e")
        server.command("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'test_cosound'")
        tx.run("update players set name = 'Bar'")
    with postgres.reading() as tx:
        assert players.ids(tx) == []


def test_a_failure_nobody_spoke_of_is_not_taken_for_a_commit(postgres: Database) -> None:
    with pytest.raises(DatabaseError, match="nothing was stored"), postgres.writing() as tx:
        try:
            tx.run(PLAYER, "no id", "Lobby", to_text(0), "e")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is swallowed: that is the point
            assert "uuid" in str(error)


def test_a_server_that_is_not_there_is_one_line_with_its_cure(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="nothing listens there") as error:
        Database(Address("127.0.0.1", 9, "postgres", "secret", "postgres", {})).open()
    assert "secret" not in str(error.value)


KILLED = """
import os, signal
from cloud_stub.embedded_postgres import EmbeddedPostgres
with EmbeddedPostgres() as server:
    print(server.pid, server._folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.processes
def test_our_own_server_ends_with_whoever_started_it(server: PostgresServer) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    pid, folder = done.stdout.split()
    until(lambda: not Path(f"/proc/{pid}").exists(), "the end of the server")
    shutil.rmtree(folder)


AS_WHOEVER_STARTED_IT = """
import os
from cloud_stub.embedded_postgres import EmbeddedPostgres
with EmbeddedPostgres() as server:
    print(os.getuid(), os.stat(f"/proc/{server.pid}").st_uid, server.pid, server._folder)
"""


@pytest.mark.processes
@pytest.mark.skipif(os.geteuid() != 0, reason="every other test here starts it as a normal user already")
def test_a_normal_user_can_start_our_own_server_too(server: PostgresServer) -> None:
    """With the system's Python: the one that runs the tests may lie in a home that is closed to others."""
    import cloud_stub

    carrier = importlib.util.find_spec(CARRIER)
    assert carrier is not None and carrier.origin is not None
    places = [Path(cloud_stub.__file__).parents[1], Path(carrier.origin).parents[1]]
    command = ["/usr/bin/python3", "-B", "-c", AS_WHOEVER_STARTED_IT]
    env = {"PYTHONPATH": os.pathsep.join(map(str, places)), "PATH": "/usr/bin:/bin"}
    who: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    if subprocess.run(["/usr/bin/test", "-r", cloud_stub.__file__], check=False, **who).returncode != 0:
        pytest.skip(f"{places[0]} is closed to other users")
    done = subprocess.run(command, env=env, cwd="/", capture_output=True, text=True, timeout=60, check=False, **who)
    assert done.returncode == 0, done.stderr
    ours, theirs, pid, folder = done.stdout.split()
    assert ours == theirs != "0"
    assert not Path(f"/proc/{pid}").exists()
    assert not Path(folder).exists()


@pytest.mark.processes
@pytest.mark.parametrize("version", [16])
def test_the_older_postgres_takes_our_tables_too(server: PostgresServer, version: int) -> None:
    with EmbeddedPostgres(version) as older:
        assert Path(f"/proc/{older.pid}").stat().st_uid != 0 or os.geteuid() != 0
        database = Database(older.address())
        database.open()
        migrate(database, "now")
        with database.writing() as tx:
            tx.run(PLAYER, str(uuid4()), "Lobby", to_text(0), "e")
        database.close()
