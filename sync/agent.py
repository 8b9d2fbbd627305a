"""The sync process: one thread a conversation, one store a thread, and a main thread that watches and tells."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

from appliance.clock import Clock, SystemClock
from appliance.config import Config
from appliance.decoding import Outcome, decode_in_child
from appliance.errors import StoreDamaged, TransientError
from appliance.process import Stop, run
from appliance.runtime import Runtime
from appliance.store import Store, open_store
from sync import wire
from sync.door import cloud_name, door_words, open_door, why_no_door
from sync.errands import Errands, Progress
from sync.fetching import MediaLoop
from sync.http import Ears
from sync.link import Link, LinkState
from sync.loops import HeartbeatLoop, PrepareLoop, PushLoop, sounding_by
from sync.pace import Glance
from sync.polls import poll_steps
from sync.prepare import reconcile, sweep
from sync.status import build_status
from sync.throttle import Throttle
from sync.timers import Alarm, Timers
from sync.worker import Step, Worker

log = logging.getLogger(__name__)

LOOK_S = 1.0
TELL_EVERY_S = 5.0
TIDY_EVERY_S = 3600.0
KEEP_LOG_BYTES = 6 << 20
STOP_WITHIN_S = 0.5


class Agent:
    """Everything the sync process does. `step` is its main thread's; the workers run beside it."""

    def __init__(self, config: Config, clock: Clock | None = None, rng: Random | None = None) -> None:
        self._config = config
        self._clock = clock or SystemClock()
        self._rng = rng or Random()
        self._runtime = Runtime(config.box_runtime_dir)
        self.store = self._open_store("sync")
        why_none = why_no_door(config)
        self.link = Link(self._clock, self._rng, configured=not why_none, why=why_none)
        ears = Ears(heard=self.link.worked, asking=self.link.check_patience)
        self._cloud = None if why_none else open_door(config, ears)
        self._door = "" if why_none else door_words(config)
        self._timers = Timers(self._clock)
        self._heartbeat_due, self._tidy_due = Alarm(), Alarm()
        self._errands: Errands | None = None
        self._glance = Glance()
        self._told: object = None
        self._told_s = float("-inf")
        self.workers = self._make_workers()

    def start(self) -> None:
        self._tidy_up()
        if self._cloud is not None:
            self.store.outbox.belong_to(cloud_name(self._config))
        self._timers.every(wire.HEARTBEAT_S, self._heartbeat_due, "heartbeat")
        self._timers.every(TIDY_EVERY_S, self._tidy_due, "tidy")
        self._timers.start()
        for worker in self.workers:
            worker.start()

    def step(self) -> None:
        """Watch the clock, tell how things stand, keep the database small; about twice a second."""
        changed = self.store.wait(LOOK_S)
        if self._timers.guard():
            log.warning("the wall clock was set: timers are armed anew")
        self._tell(changed)
        if self._tidy_due.take():
            self.store.db.tidy(KEEP_LOG_BYTES)
        dead = [worker.name for worker in self.workers if not worker.is_alive()]
        if dead:
            log.error("%s ended by itself; the process ends, to be started afresh", ", ".join(dead))
            raise SystemExit(1)

    def stop(self) -> bool:
        """Ask every thread to end; False when one is still waiting for an answer from the network."""
        self._timers.stop()
        for worker in self.workers:
            worker.ask_to_stop()
        self.link.wake()
        if self.store.db.bell:
            self.store.db.bell.ring()
        give_up_at = monotonic() + STOP_WITHIN_S
        for worker in self.workers:
            if worker.ident is not None:
                worker.join(max(give_up_at - monotonic(), 0.0))
        self._say_goodbye()
        self.store.close()
        if self._cloud is not None:
            self._cloud.close()
        waiting = [worker for worker in self.workers if worker.is_alive()]
        for worker in waiting:
            (self._config.box_runtime_dir / "bell" / worker.name).unlink(missing_ok=True)
        return not waiting

    def _tidy_up(self) -> None:
        """After whoever was killed here. A disk that refuses is no reason not to ask the cloud."""
        try:
            reconcile(self.store)
            sweep(self._config.pcm_dir, self._config.media_dir)
        except StoreDamaged:
            raise
        except (TransientError, OSError) as error:
            log.warning("at work, but what an earlier end left stays: %s", error)

    def _make_workers(self) -> list[Worker]:
        sounding = sounding_by(self._runtime, self._clock)
        prepare = PrepareLoop(self._config.pcm_dir, self._decode, sounding)
        self._preparing = self._worker("prepare", prepare.step, asks_cloud=False)
        if self._cloud is None:
            return [self._preparing]
        cloud, link, clock, rng = self._cloud, self.link, self._clock, self._rng
        self._errands = Errands(clock, rng)
        throttle = Throttle(clock, self._config.sync_rate_kib_s, self._config.sync_rate_hours)
        return [
            self._preparing,
            self._worker("push", PushLoop(cloud, clock).step),
            *(self._worker(name, step) for name, step in poll_steps(cloud, link, clock, rng).items()),
            self._worker("heartbeat", HeartbeatLoop(cloud, self._runtime, clock, self._heartbeat_due).step),
            *(
                self._worker(
                    name,
                    MediaLoop(cloud, self._config.media_dir, link, self._errands, throttle, sounding).step,
                    tells_of_link=False,
                )
                for name in ("media", "media2")
            ),
        ]

    def _worker(self, name: str, step: Step, *, asks_cloud: bool = True, tells_of_link: bool = True) -> Worker:
        return Worker(name, self._open_store, step, self.link, asks_cloud=asks_cloud, tells_of_link=tells_of_link)

    def _open_store(self, name: str) -> Store:
        return open_store(self._config.box_data_dir, self._config.box_runtime_dir, name, self._clock)

    def _decode(self, source: Path, target: Path) -> Outcome:
        return decode_in_child(source, target, lambda: self._preparing.stopping)

    def _tell(self, changed: bool) -> None:
        """Publish when the link changed or the cloud asked for patience, within a second when something was stored, and
        otherwise every few."""
        link, now_s = self.link.state, self._clock.boot_s()
        seen = (link.link, link.why, self.link.patience_s > 0)
        self._glance.hear(changed)
        if seen == self._told and not self._glance.is_due(now_s, anyway=now_s - self._told_s >= TELL_EVERY_S):
            return
        self._glance.in_vain(now_s)
        self._told, self._told_s = seen, now_s
        self._runtime.publish("sync", self._status(link))

    def _progress(self) -> Progress:
        return self._errands.progress_of_all() if self._errands else Progress()

    def _say_goodbye(self) -> None:
        ended = replace(self.link.state, link="down", why="the sync process has ended")
        self._runtime.publish("sync", self._status(ended))

    def _status(self, link: LinkState) -> dict[str, Any]:
        return build_status(self.store, link, self._progress(), self._door, self.link.patience_s)


def run_agent(config: Config, stop: Stop, leave: Callable[[int], None] = os._exit) -> None:
    """Run until asked to stop; then gone within 1.5 s.

    A thread in a long poll cannot be woken (closing a socket does not end a read on it), and the interpreter
    would wait for nothing it does: such a process leaves by `os._exit`. That is as safe as a power cut, which
    everything here is made to survive; stores and children are closed before.
    """
    agent = Agent(config)
    agent.start()
    try:
        run("sync", agent.step, stop)
    finally:
        if not agent.stop():
            logging.shutdown()
            leave(0 if stop.requested else 1)
