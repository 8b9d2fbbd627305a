"""How the box hears of what is new: long polls where an answer can be held back, else a look every few seconds."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from time import sleep

from appliance.clock import Clock
from appliance.store import Store
from sync import rpc, wire
from sync.door import Door
from sync.link import Link
from sync.news import news_once
from sync.pace import Pace
from sync.pull import pull_once
from sync.queue import queue_once
from sync.supabase import Supabase
from sync.worker import Step

SHORTEST_POLL_S = wire.LONG_POLL_S - 5
JITTER = 0.1


def poll_steps(door: Door, link: Link, clock: Clock, rng: Random) -> dict[str, Step]:
    """The polling threads' steps, by name."""
    if isinstance(door, Supabase):
        return {"poll": LookLoop(lambda store: news_once(store, door), link, rng).step}
    return {
        "pull": PollLoop(lambda store, wait_s: pull_once(store, door, wait_s), link, clock, rng).step,
        "queue": PollLoop(lambda store, wait_s: queue_once(store, door, wait_s), link, clock, rng).step,
    }


class PollLoop:
    """Long polls, one after the other, spread a little so that a thousand boxes do not come at once."""

    def __init__(self, poll: Callable[[Store, float], object], link: Link, clock: Clock, rng: Random) -> None:
        self._poll = poll
        self._link = link
        self._rng = rng
        self._pace = Pace(clock)

    def step(self, store: Store) -> None:
        sleep(self._pace.wait_s())
        # While the link is away the question is short: its answer shows that the cloud is back.
        wait_s = self._rng.uniform(SHORTEST_POLL_S, wire.LONG_POLL_S) if self._link.is_up else 0.0
        self._poll(store, wait_s)


class LookLoop:
    """A look every few seconds, spread a little; at once when the link is back, since then what is here is old."""

    def __init__(self, look: Callable[[Store], object], link: Link, rng: Random) -> None:
        self._look = look
        self._link = link
        self._rng = rng

    def step(self, store: Store) -> None:
        self._look(store)
        self._link.rest(rpc.POLL_S * self._rng.uniform(1 - JITTER, 1 + JITTER))
