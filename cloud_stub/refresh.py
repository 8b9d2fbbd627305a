"""The refresh: every 30 s, and a moment after something changed in a room, its queue is ranked anew."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from cloud_stub.database import Database, Tx
from cloud_stub.errors import DatabaseError
from cloud_stub.ranking import RoomMemory, rank_room
from cloud_stub.repositories import players, queue, sessions

log = logging.getLogger(__name__)

DEBOUNCE_S = 0.2


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
        results = await asyncio.gather(*map(self.refresh, player_ids), return_exceptions=True)
        for player_id, result in zip(player_ids, results, strict=True):
            _say_failed(player_id, result)
        self.refreshed_s = now_s

    async def refresh(self, player_id: str) -> bool:
        """Rank one room; True when its queue changed."""
        memory = self._memory.setdefault(player_id, RoomMemory())
        async with memory.busy:
            now_s = self._now()
            ranked = await self._database.read(_ranked_if_new, player_id, memory, now_s)
            if ranked is None:
                return False
            return await self._database.write_in(player_id, _store, player_id, ranked, now_s)

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


def _store(tx: Tx, player_id: str, ranked: list[str], now_s: float) -> bool:
    """False where the database has begun to rank meanwhile."""
    return not queue.ranked_by_database(tx) and queue.replace(tx, player_id, ranked, now_s)


def _ranked_if_new(tx: Tx, player_id: str, memory: RoomMemory, now_s: float) -> list[str] | None:
    """The new ranking, or None when the stored queue says the same, the room is gone, or ranking is not ours."""
    if players.find(tx, player_id) is None or queue.ranked_by_database(tx):
        return None
    ranked = rank_room(tx, player_id, memory, now_s)
    return None if ranked == queue.song_ids(tx, player_id) else ranked
