"""A connection that is lost at any statement of a vote or a push: 503 or done, nothing half done, nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cloud_world import RAIN, Box, World, cloud_world, stay, vote
from cut_lines import CutLine, Cutter
from pooler import pooled
from postgres_server import NAME, PostgresServer

from cloud_stub.database import Database
from cloud_stub.engines.postgres import Postgres
from tests.patience import until

MOST_STATEMENTS = 200
END_ALL = (
    f"select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '{NAME}' "
    "and backend_type = 'client backend'"
)
COUNTS = (
    "select (select count(*) from votes where superseded_by is null) as votes, "
    "(select coalesce(sum(votes), 0) from taste_state) as learnt, (select count(*) from sessions) as stays, "
    "(select count(*) from songs_playing) as plays, (select count(*) from op_seen) as ops"
)


@dataclass
class Cut:
    """A cloud that nobody but the test speaks to, and what can be done to its lines."""

    world: World
    box: Box
    song: str
    shears: Cutter

    def state(self) -> dict[str, int]:
        """How much there is of all that a vote and a push change."""
        row = until(self._counts, "a connection")
        return {name: int(value) for name, value in row.items()}

    def _counts(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.world.read(lambda tx: tx.one(COUNTS))
        except Database.Error:  # others were cut, too, and lay idle behind the pooler
            return None
        return found


def done(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """The first answer that is no 503."""
    answers: list[httpx.Response] = []

    def is_done() -> bool:
        answers.append(ask())
        return answers[-1].status_code != 503

    until(is_done, "an answer")
    return answers[-1]


@pytest.fixture(params=["told", "between", "unheard"])
def how(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["direct", "pooler"])
def cut(
    request: pytest.FixtureRequest, server: PostgresServer, folder: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cut]:
    shears, connect = Cutter(how, lambda: server.command(END_ALL)), Postgres._connect
    monkeypatch.setattr(Postgres, "_connect", lambda self: CutLine(connect(self), shears))
    with ExitStack() as stack:
        address = stack.enter_context(server.database())
        if request.param == "pooler":
            address = stack.enter_context(pooled(address))
        world = stack.enter_context(cloud_world(folder, address))
        assert world.services.scheduler is not None
        world.client.portal.call(world.services.scheduler.pause)
        monkeypatch.setattr(world.services.refresher, "soon", lambda rooms: None)
        song, box = world.song("Rain", RAIN), world.box()
        box.hears((song, 1.0))
        yield Cut(world, box, song, shears)


def at_every_statement(cut: Cut, prepare: Callable[[], Callable[[], httpx.Response]], gain: dict[str, int]) -> None:
    """Lose the connection at each statement in turn; `gain`: what one such request adds, however often it is sent."""
    for n in range(1, MOST_STATEMENTS):
        ask, before = prepare(), cut.state()
        after = {name: count + gain.get(name, 0) for name, count in before.items()}
        cut.shears.arm(n)
        answer = ask()
        was_cut = cut.shears.has_cut
        cut.shears.disarm()
        assert answer.status_code in (200, 503), (n, answer.text)
        if answer.status_code == 503:
            assert int(answer.headers["retry-after"]) > 0
            assert cut.state() in ((before, after) if cut.shears.how == "unheard" else (before,)), n
            assert done(ask).status_code == 200, n
        assert cut.state() == after, n
        if not was_cut:
            assert n > 5, "it has more statements than that"
            return
    raise AssertionError(f"more than {MOST_STATEMENTS} statements")


def test_a_vote_is_whole_or_not_at_all(cut: Cut) -> None:
    world = cut.world

    def prepare() -> Callable[[], httpx.Response]:
        phone = world.phone()
        assert done(lambda: world.check_in(phone, cut.box)).status_code == 200
        return lambda: phone.post("/api/votes", song_id=cut.song, vote_value=5)

    at_every_statement(cut, prepare, {"votes": 1, "learnt": 1})


def test_a_push_is_whole_or_not_at_all(cut: Cut) -> None:
    box = cut.box

    def prepare() -> Callable[[], httpx.Response]:
        person = str(uuid4())
        ops = [
            box.op("enrol", {"profile_id": person, "display_name": "Heron", "key_hash": uuid4().hex * 2}),
            box.op("checkin", stay(person)),
            box.op("vote", vote(person, cut.song)),
            box.op("play", {"play_id": str(uuid4()), "song_id": cut.song}),
        ]
        body: dict[str, Any] = {**box.now_fields(), "ops": ops}
        return lambda: cut.world.client.post("/api/sync/v1/push", headers=box.headers, json=body)

    at_every_statement(cut, prepare, {"votes": 1, "learnt": 1, "stays": 1, "plays": 1, "ops": 4})
