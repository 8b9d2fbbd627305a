from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from cloud_stub.waiters import Waiters


def shown(page: list[str]) -> Callable[[], Awaitable[str]]:
    """Looks at a page that others write on."""

    async def look() -> str:
        return page[-1]

    return look


def is_new(word: str) -> bool:
    return word != "old"


async def told(waiters: Waiters, *topics: str) -> None:
    """Ring, and let whoever waits look."""
    for topic in topics:
        waiters.wake(topic)
    for _ in range(5):
        await asyncio.sleep(0)


def test_everybody_who_waits_for_a_topic_is_woken_and_nobody_else() -> None:
    async def scene() -> None:
        waiters, page = Waiters(), ["old"]
        mine = [asyncio.ensure_future(waiters.news("a", 1000, shown(page), is_new)) for _ in range(3)]
        other = asyncio.ensure_future(waiters.news("b", 1000, shown(page), is_new))
        await told(waiters)
        page.append("new")
        await told(waiters, "a")
        assert await asyncio.gather(*mine) == ["new"] * 3
        assert not other.done()
        assert len(waiters) == 1
        waiters.close()
        assert await other == "new"
        assert len(waiters) == 0

    asyncio.run(scene())


def test_a_bell_that_rings_for_nothing_lets_nobody_go() -> None:
    async def scene() -> None:
        waiters, page = Waiters(), ["old"]
        waiting = asyncio.ensure_future(waiters.news("a", 1000, shown(page), is_new))
        await told(waiters, "a")
        await told(waiters, "a")
        assert not waiting.done()
        page.append("new")
        await told(waiters, "a")
        assert waiting.done()
        assert await waiting == "new"

    asyncio.run(scene())


def test_what_is_written_while_one_looks_is_not_missed() -> None:
    async def scene() -> None:
        waiters, page = Waiters(), ["old"]

        async def slow_look() -> str:
            seen = page[-1]
            page.append("new")
            waiters.wake("a")
            return seen

        assert await waiters.news("a", 1000, slow_look, is_new) == "new"

    asyncio.run(scene())


def test_a_stopping_server_makes_nobody_wait() -> None:
    async def scene() -> None:
        waiters = Waiters()
        waiters.close()
        assert await waiters.news("a", 1000, shown(["old"]), is_new) == "old"

    asyncio.run(scene())


def test_the_time_is_up() -> None:
    async def scene() -> None:
        waiters = Waiters()
        assert await waiters.news("a", 0.001, shown(["old"]), is_new) == "old"
        assert len(waiters) == 0

    asyncio.run(scene())
