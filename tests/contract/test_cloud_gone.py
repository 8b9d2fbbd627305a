"""With the database gone boxes get what was last known, writes are told when to come back, nothing is half done."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from cloud_world import FIRE, RAIN, World, stay
from postgres_server import NAME, PostgresServer

from tests.patience import PATIENCE_S


@pytest.fixture
def engine() -> str:
    return "postgres"


@contextmanager
def gone(server: PostgresServer) -> Iterator[None]:
    server.command(f"alter database {NAME} allow_connections false")
    server.command(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{NAME}'")
    try:
        yield
    finally:
        server.command(f"alter database {NAME} allow_connections true")


def once_back(ask: Any) -> Any:
    """The first answer that is no 503; for a second after a refusal nobody is asked."""
    deadline_s = time.monotonic() + PATIENCE_S
    while (answer := ask()).status_code == 503:
        assert time.monotonic() < deadline_s
    return answer


def test_boxes_hear_what_was_last_known_and_writes_wait(world: World, server: PostgresServer) -> None:
    rain, box, phone, fresh = world.song("Rain", RAIN), world.box(), world.phone(), world.box("Fresh")
    world.check_in(phone, box)
    box.hears((rain, 1.0))
    world.refresh()
    before = box.queue()
    op = box.op("checkin", stay(phone.me()["id"]))
    world.client.portal.call(world.services.look_elsewhere)
    with gone(server):
        assert box.queue().content == before.content
        assert box.queue(**{"If-None-Match": before.headers["etag"]}).status_code == 304
        ill = world.client.get("/health")
        assert (ill.status_code, ill.json()["database"]) == (503, False)
        push = {**box.now_fields(), "ops": [op]}
        for answer in (
            fresh.queue(),
            phone.post("/api/votes", song_id=rain, vote_value=5),
            world.client.post("/auth/v1/signup", json={}),
            world.client.post("/api/sync/v1/push", headers=box.headers, json=push),
            world.client.get("/api/sync/v1/pull", headers=box.headers),
        ):
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
            assert "\n" not in answer.text.strip()
    voted = once_back(lambda: phone.post("/api/votes", song_id=rain, vote_value=5))
    assert voted.json()["taste_rev"] == 1
    assert box.push(op) == ["applied"]
    assert fresh.queue().status_code == 200
    assert world.client.get("/health").json()["ok"]


def test_it_is_said_once_that_it_is_gone_and_once_that_it_is_back(
    world: World, server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="cloud_stub")
    world.song("Fire", FIRE)
    box, services = world.box(), world.services
    jobs = (services.look_elsewhere, services.flush_polls, services.refresher.refresh_all)
    with gone(server):
        for _ in range(3):
            for job in jobs:
                world.client.portal.call(services.patiently, job)
        assert services.database_is_gone
    ours = [record.message for record in caplog.records]
    assert len(ours) == 1
    assert "database" in ours[0]
    once_back(box.queue)
    deadline_s = time.monotonic() + PATIENCE_S
    while services.database_is_gone:
        world.client.portal.call(services.patiently, services.look_elsewhere)
        assert time.monotonic() < deadline_s
    assert [record.message for record in caplog.records][1:] == ["the database is back"]


def test_one_that_lets_only_read_refuses_writes(world: World, server: PostgresServer) -> None:
    """As Supabase's does whose disk is full."""
    rain, box, phone = world.song("Rain", RAIN), world.box(), world.phone()
    world.check_in(phone, box)
    box.hears((rain, 1.0))
    with gone(server):
        server.command(f"alter database {NAME} set default_transaction_read_only = on")
    try:
        assert once_back(lambda: phone.get("/api/me")).json()["votes"] == 0
        answer = phone.post("/api/votes", song_id=rain, vote_value=5)
        assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
    finally:
        with gone(server):
            server.command(f"alter database {NAME} reset default_transaction_read_only")
    assert once_back(lambda: phone.post("/api/votes", song_id=rain, vote_value=5)).json()["taste_rev"] == 1
