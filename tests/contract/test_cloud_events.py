"""A room as it changes: told once, told again to nobody who knows it, and to nobody who does not listen."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest
from cloud_world import RAIN, Box, World

from cloud_stub import streams
from cloud_stub.routes import events
from tests.patience import PATIENCE_S


class Reader:
    """Follows a room over ASGI itself. One that is `stuck` takes what comes first and then nothing."""

    def __init__(self, world: World, box: Box, known: str | None = None, place: str = "10.0.0.1") -> None:
        self._world = world
        self._messages: queue.Queue[dict[str, Any]] = queue.Queue()
        self._stuck = threading.Event()
        self.status = 0
        self._scope = {
            "type": "http", "method": "GET", "path": f"/api/rooms/{box.player_id}/events", "query_string": b"",
            "headers": [(b"last-event-id", known.encode())] if known else [], "client": (place, 1),
            "scheme": "http", "server": ("cloud.test", 80), "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1", "root_path": "", "raw_path": b"",
        }  # fmt: skip
        self.answering: Future[Any] = world.client.portal.start_task_soon(self._run)

    def get_stuck(self) -> None:
        self._stuck.set()

    def text(self) -> str:
        """What comes next."""
        while True:
            message = self._messages.get(timeout=PATIENCE_S)
            if message["type"] == "http.response.start":
                self.status = message["status"]
            elif message.get("body"):
                return str(message["body"].decode())

    def event(self) -> dict[str, Any]:
        """The next event; comments and advice are passed over."""
        while not (text := self.text()).startswith("id:"):
            pass
        fields = dict(line.split(": ", 1) for line in text.strip().splitlines())
        return {**fields, "data": json.loads(fields["data"])}

    async def _run(self) -> None:
        async def receive() -> dict[str, Any]:
            await asyncio.sleep(3600)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if self._stuck.is_set():
                await asyncio.sleep(3600)
            self._messages.put(message)

        await self._world.client._app(self._scope, receive, send)


@contextmanager
def following(world: World, box: Box, **how: Any) -> Iterator[Reader]:
    reader = Reader(world, box, **how)
    try:
        yield reader
    finally:
        reader.answering.cancel()


def until_nobody_follows(world: World) -> None:
    """Who went away is no longer counted."""

    async def wait() -> None:
        async with asyncio.timeout(PATIENCE_S):
            while world.services.streams._from != Counter():
                await asyncio.sleep(0)

    world.client.portal.call(wait)


def test_a_change_is_told_as_it_happens(world: World) -> None:
    rain, box = world.song("Rain", RAIN), world.box()
    with following(world, box) as reader:
        assert reader.text().startswith("retry: ")
        assert reader.status == 200
        first = reader.event()
        assert (first["event"], first["data"]["layers"]) == ("room", [])
        box.hears((rain, 1.0))
        assert [layer["title"] for layer in reader.event()["data"]["layers"]] == ["Rain"]
        world.check_in(world.phone(), box)
        assert reader.event()["data"]["here"] == 1
        assert len(world.services.streams) == 1
        world.client.portal.call(world.services.waiters.close)
        reader.answering.result(PATIENCE_S)
    assert len(world.services.streams) == 0


def test_who_comes_back_hears_no_old_news(world: World) -> None:
    rain, box = world.song("Rain", RAIN), world.box()
    with following(world, box) as reader:
        known = reader.event()["id"]
    with following(world, box, known=known) as reader:
        world.until_waiting(1)
        box.hears((rain, 1.0))
        assert reader.event()["data"]["layers"]
    with following(world, box, known=known) as reader:
        assert reader.event()["data"]["layers"]


def test_a_quiet_line_is_kept_open(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "KEEP_ALIVE_S", 0.01)
    with following(world, world.box()) as reader:
        reader.event()
        assert reader.text() == ": still here\n\n"
        assert reader.text() == ": still here\n\n"


def test_a_reader_who_takes_nothing_is_let_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SEND_WITHIN_S", 0.02)
    rain, box = world.song("Rain", RAIN), world.box()
    with following(world, box) as stuck, following(world, box) as reader:
        stuck.event()
        reader.event()
        stuck.get_stuck()
        box.hears((rain, 1.0))
        assert reader.event()["data"]["layers"]
        stuck.answering.result(PATIENCE_S)
        assert len(world.services.streams) == 1


@pytest.mark.parametrize(("limit", "status"), [("MAX_FROM_ONE_PLACE", 429), ("MAX_STREAMS", 503)])
def test_there_are_only_so_many(world: World, monkeypatch: pytest.MonkeyPatch, limit: str, status: int) -> None:
    monkeypatch.setattr(streams, limit, 2)
    box = world.box()
    path = f"/api/rooms/{box.player_id}/events"
    with following(world, box, place="127.0.0.1") as first, following(world, box, place="127.0.0.1") as second:
        first.event()
        second.event()
        refused = world.client.get(path)
        assert (refused.status_code, refused.json()["error"]) == (status, "too_many_streams")
        assert int(refused.headers["retry-after"]) > 0
        if status == 429:
            with following(world, box, place="10.0.0.2") as elsewhere:
                elsewhere.event()
    until_nobody_follows(world)


def test_a_room_that_is_gone_says_so_without_the_databases_words(world: World) -> None:
    box = world.box()
    with following(world, box) as reader:
        reader.event()
        world.write(lambda tx: tx.run("delete from players"))
        world.wake_all()
        gone = reader.event()
        assert (gone["event"], gone["data"]) == ("gone", f"there is no room {box.player_id}")
