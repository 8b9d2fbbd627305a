from __future__ import annotations

import asyncio
import logging

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from cloud_stub.logs import is_news


def test_that_a_job_waits_for_its_last_turn_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    """In APScheduler's own words, so that a new version of it that has others is noticed."""

    async def scene() -> None:
        turns, enough = 0, asyncio.Event()

        async def turn() -> None:
            nonlocal turns
            turns += 1
            await enough.wait()

        scheduler = AsyncIOScheduler(job_defaults={"max_instances": 1, "misfire_grace_time": None})
        scheduler.add_job(turn, "interval", seconds=0.01)
        scheduler.start()
        while not caplog.records:
            await asyncio.sleep(0)
        enough.set()
        scheduler.shutdown(wait=False)
        assert turns == 1

    with caplog.at_level(logging.WARNING, "apscheduler.scheduler"):
        asyncio.run(scene())
    assert not is_news(caplog.records[0])


def test_whatever_else_is_said_is_news() -> None:
    for name, says in (("apscheduler.scheduler", "a job was lost"), ("cloud_stub.services", "the database is back")):
        assert is_news(logging.LogRecord(name, logging.WARNING, "", 0, says, None, None))
