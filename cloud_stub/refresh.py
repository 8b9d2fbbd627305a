"""The refresh: every 30 s, and a moment after something changed in a room, its queue is ranked anew."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack

from cloud_stub.database import Database, Tx
from cloud_stub.errors import DatabaseError
from cloud_stub.ranking import RoomMemory, look, ranked
from cloud_stub.repositories import players, queue, sessions

log = logging.getLogger(__name__)

DEBOUNCE_S = 0.2
TOGETHER = 50  # rooms ranked at once: what is asked of them travels together
SIDE_BY_SIDE = 2  # while one part is looked up another is ranked


class Refresher:
    """Ranks rooms. `soon` gathers what happens to a room within a moment into one refresh."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now
        self._memory: dict[str, RoomMemory] = {}
        self._due: dict[str, asyncio.TimerHandle] = {}
        self._running: set[asyncio.Task[bool]] = set()
        self.refreshed_s: float | None = None  # when all rooms were last ranked

    def soon(self, player_ids: Iterable[str]) -> None:
        """Refresh these rooms in a moment; needs the running event loop."""
        loop = asyncio.get_running_loop()
        for player_id in player_ids:
            if player_id not in self._due:
                self._due[player_id] = loop.call_later(DEBOUNCE_S, self._start, player_id)

    async def refresh_all(self) -> None:
        """Close what is over, then rank every room; one room's failure is its own."""
        now_s = self._now()
        await self._database.write(_close_passed, now_s)
        player_ids = await self._database.read(players.ids)
        parts = [player_ids[start : start + TOGETHER] for start in range(0, len(player_ids), TOGETHER)]
        for start in range(0, len(parts), SIDE_BY_SIDE):
            await asyncio.gather(*map(self._refresh_part, parts[start : start + SIDE_BY_SIDE]))
            await asyncio.sleep(0)  # on SQLite nothing above waits: whoever asked meanwhile is answered
        self.refreshed_s = now_s

    async def refresh(self, player_id: str) -> bool:
        """Rank one room; True when its queue changed."""
        return bool(await self._refresh([player_id]))

    def ranked_s(self, player_id: str) -> float | None:
        """When this room was last ranked, whether or not its queue changed by it."""
        memory = self._memory.get(player_id)
        return None if memory is None else memory.ranked_s

    def stop(self) -> None:
        for handle in self._due.values():
            handle.cancel()
        self._due.clear()
        for task in self._running:
            task.cancel()

    async def _refresh_part(self, player_ids: Sequence[str]) -> None:
        """Some rooms at once; each by itself where that fails."""
        (failed,) = await asyncio.gather(self._refresh(player_ids), return_exceptions=True)
        if isinstance(failed, BaseException):
            results = await asyncio.gather(*map(self.refresh, player_ids), return_exceptions=True)
            for player_id, result in zip(player_ids, results, strict=True):
                _say_failed(player_id, result)

    async def _refresh(self, player_ids: Sequence[str]) -> set[str]:
        """Rank these rooms; those whose queue changed."""
        memories = {player_id: self._memory.setdefault(player_id, RoomMemory()) for player_id in sorted(player_ids)}
        async with AsyncExitStack() as alone:
            for memory in memories.values():
                await alone.enter_async_context(memory.busy)
            now_s = self._now()
            news = await self._database.read(_news, memories, now_s)
            if not news:
                return set()
            if len(news) > 1:
                return await self._database.write(_store, news, now_s)
            return await self._database.write_in(next(iter(news)), _store, news, now_s)

    def _start(self, player_id: str) -> None:
        self._due.pop(player_id, None)
        task = asyncio.ensure_future(self.refresh(player_id))
        self._running.add(task)
        task.add_done_callback(lambda done: self._ended(player_id, done))

    def _ended(self, player_id: str, task: asyncio.Task[bool]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            _say_failed(player_id, task.exception())


def _say_failed(player_id: str, result: object) -> None:
    if isinstance(result, DatabaseError):
        log.debug("room %s was not ranked: %s", player_id, result)  # not the room's fault, and said elsewhere
    elif isinstance(result, Exception):
        log.error("room %s could not be ranked", player_id, exc_info=result)


def _close_passed(tx: Tx, now_s: float) -> None:
    sessions.close_passed(tx, now_s)
    queue.drop_passed_rules(tx, now_s)


def _store(tx: Tx, queues: Mapping[str, list[str]], now_s: float) -> set[str]:
    """Those that are another now; none where the database has begun to rank meanwhile."""
    return set() if queue.ranked_by_database(tx) else queue.replace_all(tx, queues, now_s)


def _news(tx: Tx, memories: Mapping[str, RoomMemory], now_s: float) -> dict[str, list[str]]:
    """The rankings that say something else than the stored queues; none where ranking is not ours."""
    if queue.ranked_by_database(tx):
        return {}
    found = look(tx, memories, now_s)
    rankings = {player_id: ranked(room, memories[player_id], now_s) for player_id, room in found.items()}
    return {player_id: songs for player_id, songs in rankings.items() if songs != found[player_id].queue}
