"""Long polls of this process: who waits for which player's news, and how they are woken."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
Bell = asyncio.Future[None]


class Waiters:
    """Futures by topic. After `close` nobody waits any more: a stopping server answers at once."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    async def news(
        self, topic: str, timeout_s: float, look: Callable[[], Awaitable[T]], is_news: Callable[[T], bool]
    ) -> T:
        """What `look` finds: as soon as it is news, else when the time is up.

        A bell says only that it may be: another copy of the server is looked at once a second, and then whoever was
        told already is told again.
        """
        loop = asyncio.get_running_loop()
        until_s = loop.time() + timeout_s
        while True:
            with self.listening(topic) as bell:
                found = await look()
                if is_news(found) or not await self.heard(bell, until_s - loop.time()):
                    return found

    @contextmanager
    def listening(self, topic: str) -> Iterator[Bell]:
        """From here on news is not missed: listen, look, and if there was nothing wait until it is `heard`."""
        bell: Bell = asyncio.get_running_loop().create_future()
        self._waiting[topic].add(bell)
        try:
            yield bell
        finally:
            self._forget(topic, bell)

    async def heard(self, bell: Bell, timeout_s: float) -> bool:
        """True when it rang, False when the time is up."""
        if self._closed or timeout_s <= 0:
            return False
        try:
            async with asyncio.timeout(timeout_s):
                await bell
        except TimeoutError:
            return False
        return True

    def wake(self, topic: str) -> None:
        for future in self._waiting.get(topic, ()):
            if not future.done():
                future.set_result(None)

    def close(self) -> None:
        self._closed = True
        for topic in list(self._waiting):
            self.wake(topic)

    def open(self) -> None:
        self._closed = False

    def __len__(self) -> int:
        return sum(len(futures) for futures in self._waiting.values())

    def _forget(self, topic: str, future: asyncio.Future[None]) -> None:
        futures = self._waiting[topic]
        futures.discard(future)
        if not futures:
            del self._waiting[topic]


def queue_topic(player_id: str) -> str:
    return f"queue/{player_id}"


def room_topic(player_id: str) -> str:
    return f"room/{player_id}"


def bucket_topic(player_id: str) -> str:
    return f"bucket/{player_id}"
