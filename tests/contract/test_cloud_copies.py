"""Several copies of the server on one PostgreSQL, each behind a pooler in transaction mode as on Supabase."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cloud_world import FIRE, RAIN, Box, World, cloud_world
from pooler import pooled
from postgres_server import NAME, PostgresServer

from cloud_stub.engines import postgres
from cloud_stub.repositories import queue
from tests.patience import PATIENCE_S, until


@pytest.fixture
def lock_timeout() -> str:
    """How long a writer waits for another."""
    return "5s"


@pytest.fixture(params=["direct", "pooler"])
def copies(
    request: pytest.FixtureRequest,
    server: PostgresServer,
    folder: Path,
    lock_timeout: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[World, World]]:
    """Two, with their own maps, jobs and connections; wall clocks that stand still at the same moment."""
    monkeypatch.setattr(postgres, "_TOLD", (f"lock_timeout = '{lock_timeout}'", *postgres._TOLD[1:]))
    with ExitStack() as stack:
        address = stack.enter_context(server.database())
        if request.param == "pooler":
            address = stack.enter_context(pooled(address))
        second = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        worlds = stack.enter_context(cloud_world(folder, address)), stack.enter_context(cloud_world(second, address))
        for world in worlds:
            # FastAPI makes an app's routes at its first request, and hides a warning of pydantic's meanwhile, by what
            # all threads share: two at once unhide it for one another, and a warning is an error in tests.
            world.client.get("/")
        yield worlds


def seen(look: Callable[[], Any], wanted: Any) -> None:
    """Wait until it is so: each copy looks once a second what the other did."""
    until(lambda: look() == wanted, f"{wanted}")


def titles(box: Box) -> list[str]:
    return [song["title"] for song in box.queue().json()["songs"]]


def test_what_one_copy_did_holds_in_the_other(copies: tuple[World, World]) -> None:
    first, second = copies
    rain, _ = first.song("Rain", RAIN), first.song("Fire", FIRE)
    box = first.box()
    there = Box(second.door, second.time, box.player_id, box.token)
    first.refresh()
    seen(lambda: sorted(titles(there)), ["Fire", "Rain"])
    first.write(queue.set_rule, box.player_id, rain, "ban", None, None, first.time.s)
    seen(lambda: titles(there), ["Fire"])
    first.staff().post(f"/api/admin/players/{box.player_id}/token")
    seen(lambda: there.queue().status_code, 401)


def test_a_box_that_waits_at_the_other_copy_is_woken(copies: tuple[World, World]) -> None:
    first, second = copies
    box = first.box()
    there = Box(second.door, second.time, box.player_id, box.token)
    mark = there.pull()
    asked = {"epoch": mark["epoch"], "since": mark["next"], "wait": 25}
    waiting = second.client.later("GET", "/api/sync/v1/pull", headers=there.headers, params=asked)
    second.until_waiting(1)
    song_id = first.song("Rain", RAIN)
    assert [change["pk"] for change in waiting.result(PATIENCE_S).json()["changes"]] == [song_id]


@pytest.mark.parametrize("lock_timeout", ["50ms"])
def test_who_waits_too_long_for_another_writer_is_told_when_to_come_back(
    copies: tuple[World, World], server: PostgresServer
) -> None:
    """Longer than `lock_timeout`: nothing was stored, and the connection is as good as before."""
    first, _ = copies
    box, rain = first.box(), first.song("Rain", RAIN)
    op = box.op("play", {"play_id": "00000000-0000-4000-8000-000000000001", "song_id": rain})
    body = {**box.now_fields(), "ops": [op]}
    with psycopg.connect(server.running.url(NAME), autocommit=True) as other:
        other.execute("select pg_advisory_lock(%s)", [postgres._WRITERS_LOCK])
        for _ in range(2):
            answer = first.client.post("/api/sync/v1/push", headers=box.headers, json=body)
            assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0
        assert first.client.get("/api/sync/v1/pull", headers=box.headers).status_code == 200
    assert box.push(op) == ["applied"]


def test_both_count_the_same_knocks(copies: tuple[World, World]) -> None:
    statuses = [
        copies[number % 2].client.post("/api/player/claim", json={"code": "AAAAAAAA"}).status_code
        for number in range(7)
    ]
    assert statuses == [403] * 5 + [429] * 2


def test_facts_for_one_room_through_both_are_each_there_once(copies: tuple[World, World]) -> None:
    first, second = copies
    rain, box = first.song("Rain", RAIN), first.box()
    there = Box(second.door, second.time, box.player_id, box.token)
    ops = [
        box.op("play", {"play_id": f"00000000-0000-4000-8000-{number:012}", "song_id": rain}) for number in range(20)
    ]
    body = {**box.now_fields(), "ops": ops}
    asked = [
        copy.client.later("POST", "/api/sync/v1/push", headers=box.headers, json=body) for copy in (first, second) * 3
    ]
    assert [answer.result(PATIENCE_S).status_code for answer in asked] == [200] * 6
    assert first.read(lambda tx: tx.value("select count(*) from songs_playing")) == 20
    assert there.push(*ops) == ["applied"] * 20
