from __future__ import annotations

import asyncio

from cloud_stub.waiters import Waiters


def test_everybody_who_waits_for_a_topic_is_woken_and_nobody_else() -> None:
    async def scene() -> None:
        waiters = Waiters()
        mine = [asyncio.ensure_future(waiters.wait("a", 10)) for _ in range(3)]
        other = asyncio.ensure_future(waiters.wait("b", 10))
        await asyncio.sleep(0)
        waiters.wake("a")
        assert await asyncio.gather(*mine) == [True] * 3
        assert not other.done()
        assert len(waiters) == 1
        waiters.close()
        assert await other
        assert len(waiters) == 0

    asyncio.run(scene())


def test_a_stopping_server_makes_nobody_wait() -> None:
    async def scene() -> None:
        waiters = Waiters()
        waiters.close()
        assert not await waiters.wait("a", 1000)

    asyncio.run(scene())


def test_the_time_is_up() -> None:
    async def scene() -> None:
        waiters = Waiters()
        assert not await waiters.wait("a", 0.001)
        assert len(waiters) == 0

    asyncio.run(scene())
