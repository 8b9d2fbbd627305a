"""SQLite while another process writes: who only asks is answered, who writes waits, and not for ever."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cloud_world import RAIN, World

from cloud_stub.engines import sqlite
from tests.patience import PATIENCE_S


@pytest.fixture
def engine() -> str:
    return "sqlite"


@contextmanager
def another_writing(world: World) -> Iterator[None]:
    other = sqlite3.connect(str(world.settings.database), isolation_level=None)
    try:
        other.execute("begin immediate")
        yield
        other.execute("rollback")
    finally:
        other.close()


def test_while_another_writes_everybody_else_is_answered(world: World) -> None:
    rain, box, phone = world.song("Rain", RAIN), world.box(), world.phone()
    world.check_in(phone, box)
    box.hears((rain, 1.0))
    body = {"song_id": rain, "vote_value": 5}
    with another_writing(world):
        voting = world.client.later("POST", "/api/votes", headers=phone.headers, json=body)
        assert box.queue().status_code == 200
        assert world.client.get("/health").json()["ok"]
        assert phone.me()["votes"] == 0
        assert not voting.done()
    assert voting.result(PATIENCE_S).json()["status"] == "applied"


def test_who_cannot_write_is_told_when_to_come_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 50)
    rain, box, phone = world.song("Rain", RAIN), world.box(), world.phone()
    world.check_in(phone, box)
    box.hears((rain, 1.0))
    with another_writing(world):
        answer = phone.post("/api/votes", song_id=rain, vote_value=5)
        assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert "sqlite" not in answer.text.lower()
    assert phone.me()["votes"] == 0
    assert phone.post("/api/votes", song_id=rain, vote_value=5).json()["taste_rev"] == 1
