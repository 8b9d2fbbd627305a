"""What the routes work with, put together in one place: started in order, stopped in reverse."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from fastapi import Request

from cloud_stub import addresses
from cloud_stub.database import Database, Tx
from cloud_stub.errors import DatabaseError, SetupError
from cloud_stub.login_tokens import LoginTokens
from cloud_stub.migrate import migrate, pending
from cloud_stub.moments import to_text
from cloud_stub.polls import Polls
from cloud_stub.presence import status_of
from cloud_stub.refresh import Refresher
from cloud_stub.repositories import attempts, changes, handovers, ops, players, rooms, stamps
from cloud_stub.settings import CloudSettings
from cloud_stub.storage import Storage, open_storage
from cloud_stub.streams import Streams
from cloud_stub.supabase import SupabaseLogins
from cloud_stub.waiters import Waiters, bucket_topic, queue_topic, room_topic

log = logging.getLogger(__name__)

FLUSH_POLLS_S = 10.0
LOOK_ELSEWHERE_S = 1.0
TELL_POLLS_S = 60.0
KEEP_ATTEMPTS_S = 86_400.0
KEEP_S = 90 * 86_400.0  # what boxes that were away need: tombstones, verdicts


@dataclass(slots=True)
class Services:
    """One server's parts. `now` is the wall clock in seconds."""

    settings: CloudSettings
    now: Callable[[], float]
    database: Database
    storage: Storage
    logins: LoginTokens
    waiters: Waiters
    streams: Streams
    polls: Polls
    refresher: Refresher
    scheduler: AsyncIOScheduler | None = None
    database_is_gone: bool = False

    @classmethod
    def build(cls, settings: CloudSettings, now: Callable[[], float] = time.time) -> Services:
        database = Database(settings.database)
        storage = open_storage(settings)
        services = cls(
            settings=settings,
            now=now,
            database=database,
            storage=storage,
            logins=LoginTokens(settings.secret_key, SupabaseLogins(settings.project) if settings.project else None),
            waiters=Waiters(),
            streams=Streams(),
            polls=Polls(database, storage, settings.secret_key, settings.link_half_life_s),
            refresher=Refresher(database, now),
        )
        database.on_commit.append(services._committed)
        return services

    def prepare(self) -> None:
        """Open the database, once. Raises SetupError when it cannot be used.

        A file of our own is migrated on the way; a PostgreSQL is its owner's, who does it when they choose to.
        """
        if self.database.is_open:
            return
        self.database.open()
        if self.database.dialect == "sqlite":
            migrate(self.database, to_text(self.now()))
        elif missing := pending(self.database):
            raise SetupError(
                f"the database lacks {len(missing)} migrations ({missing[0]} …): run cosound cloud migrate"
            )

    async def start(self) -> None:
        """Raises SetupError when the database cannot be used."""
        self.prepare()
        self.waiters.open()
        await self.database.write(addresses.publish, self.settings.secret_key, self.settings.public_url, self.now())
        self.polls.take_moved(await self.database.read(players.versions))
        await self.refresher.refresh_all()
        scheduler = AsyncIOScheduler(job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None})
        for job, every_s in (
            (self.refresher.refresh_all, self.settings.refresh_s),
            (self.flush_polls, FLUSH_POLLS_S),
            (self.look_elsewhere, LOOK_ELSEWHERE_S),
            (self.tell_polls, TELL_POLLS_S),
            (self.prune, 86_400.0),
        ):
            scheduler.add_job(self.patiently, "interval", seconds=every_s, args=[job])
        scheduler.start()
        self.scheduler = scheduler

    async def stop(self) -> None:
        self.waiters.close()
        if self.scheduler is not None:
            self.scheduler.pause()
            await asyncio.sleep(0)  # a job that is about to run does so: one cut off would be logged as failed
            self.scheduler.shutdown(wait=False)
            self.scheduler = None
        self.refresher.stop()
        await self.patiently(self.flush_polls)
        await self.tell_polls()
        self.database.close()

    async def patiently(self, job: Callable[[], Awaitable[None]]) -> None:
        """Do it; a database that is gone is said once, and once when it is back."""
        try:
            await job()
        except DatabaseError as error:
            if not self.database_is_gone:
                log.error("the database cannot be used (%s): boxes get what we last knew, writes are refused", error)
            self.database_is_gone = True
            return
        if self.database_is_gone:
            log.warning("the database is back")
        self.database_is_gone = False

    async def flush_polls(self) -> None:
        """Store when boxes last polled, and what that makes of their status; also of those that went away."""
        await self.database.write(self._note_polls, self.polls.take_unflushed(), self.now())

    async def tell_polls(self) -> None:
        """The polls that found nothing new, in one line: a line for each would be most of the log."""
        if count := self.polls.take_unchanged():
            facts = {"polls": count, "boxes": self.polls.heard_since(self.now() - TELL_POLLS_S)}
            log.info("%d polls and heartbeats said nothing new", count, extra={"facts": facts})

    async def look_elsewhere(self) -> None:
        """Drop what another process changed, wake who waits for it, and rank those rooms."""
        if not self.database.changed_elsewhere():
            return
        moved = self.polls.take_moved(await self.database.read(players.versions))
        for player_id in moved:
            self._wake(player_id)
        self.refresher.soon(moved)

    async def prune(self) -> None:
        await self.database.write(changes.prune, self.now() - KEEP_S)
        await self.database.write(ops.prune, self.now() - KEEP_S)
        await self.database.write(stamps.prune, self.now() - KEEP_S)
        await self.database.write(attempts.prune, self.now() - KEEP_ATTEMPTS_S)
        await self.database.write(handovers.prune, self.now() - KEEP_S)

    def _note_polls(self, tx: Tx, polled: dict[str, float], now_s: float) -> None:
        last = {player_id: self.polls.last_poll.get(player_id) for player_id in players.awake(tx) | polled.keys()}
        states = rooms.states(tx, list(last)).get()
        players.note_polls(
            tx,
            [(player_id, at_s, status_of(at_s, states.get(player_id), now_s)) for player_id, at_s in last.items()],
        )

    def _committed(self, tx: Tx) -> None:
        for player_id in tx.queues | tx.touched:
            self.polls.drop(player_id)
        for player_id in tx.tokens:
            self.polls.drop_tokens(player_id)
        for player_id in tx.queues:
            self.waiters.wake(queue_topic(player_id))
        for player_id in tx.touched:
            self.waiters.wake(bucket_topic(player_id))
        for player_id in tx.rooms | tx.queues | tx.heard:
            self.waiters.wake(room_topic(player_id))
        if tx.rooms:
            self.refresher.soon(tx.rooms)

    def _wake(self, player_id: str) -> None:
        self.waiters.wake(queue_topic(player_id))
        self.waiters.wake(bucket_topic(player_id))
        self.waiters.wake(room_topic(player_id))


async def services_of(request: Request) -> Services:
    """A coroutine, although nothing is awaited: a plain function would be run in a thread of its own."""
    services: Services = request.app.state.services
    return services
