"""What each thread of the agent does, as steps over a store: ask, act, and wait for the next reason to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import sleep

from appliance.clock import Clock
from appliance.decoding import Outcome
from appliance.runtime import Runtime
from appliance.store import Store
from sync.cache import limits_for, make_room, may_prepare_more
from sync.care import Care
from sync.door import Door
from sync.heartbeat import Heart, player_state
from sync.pace import Glance
from sync.prepare import SETTLED_S, prepare_again, prepare_once
from sync.push import push_once
from sync.timers import Alarm

LISTEN_S = 1.0
GATHER_S = 0.05


class PushLoop:
    """Pushes whenever something is pending; what is committed within a moment travels together."""

    def __init__(self, cloud: Door, clock: Clock) -> None:
        self._cloud = cloud
        self._clock = clock

    def step(self, store: Store) -> None:
        if store.outbox.pending_since_ms() is None:
            store.wait(LISTEN_S)
            return
        sleep(GATHER_S)
        push_once(store, self._cloud, self._clock)


class HeartbeatLoop:
    """Beats when the alarm rings, and when the scene changed, at most once a second."""

    def __init__(self, cloud: Door, runtime: Runtime, clock: Clock, due: Alarm) -> None:
        self._heart = Heart(cloud, runtime, clock)
        self._runtime = runtime
        self._clock = clock
        self._due = due
        self._owed = True
        self._sent_s = float("-inf")
        self._scene: object = None

    def step(self, store: Store) -> None:
        if not self._owed:
            store.wait(LISTEN_S)
        scene = player_state(self._runtime, self._clock).get("scene_id")
        self._owed |= self._due.take() or scene != self._scene
        since_s = self._clock.boot_s() - self._sent_s
        if not self._owed:
            return
        sleep(max(0.0, 1.0 - since_s))
        self._sent_s = self._clock.boot_s()
        self._heart.beat(store)
        self._owed, self._scene = False, scene


class PrepareLoop:
    """Makes fetched files playable, one at a time, keeps the cache within its limits, and looks after what is there."""

    def __init__(
        self, pcm_dir: Path, decode: Callable[[Path, Path], Outcome], sounding: Callable[[Store], set[str]]
    ) -> None:
        self._pcm_dir = pcm_dir
        self._decode = decode
        self._sounding = sounding
        self._limits = limits_for(pcm_dir)
        self._glance = Glance()
        self._began_s: float | None = None
        self._settled = False
        self._care = Care(lambda store, song: prepare_again(store, song, decode), sounding)

    def step(self, store: Store) -> None:
        now_s = store.clock.boot_s()
        self._began_s = now_s if self._began_s is None else self._began_s
        lived_s = now_s - self._began_s
        if lived_s >= SETTLED_S and not self._settled:
            self._settled = True
            self._glance.hear(True)  # some songs waited for that
        if self._glance.is_due(now_s):
            if self._prepare(store, lived_s):
                make_room(store, self._limits, self._sounding(store))
                return
            self._glance.in_vain(now_s)
        self._care.step(store)
        self._glance.hear(store.wait(LISTEN_S))

    def _prepare(self, store: Store, lived_s: float) -> bool:
        called_for = not may_prepare_more(store, self._limits)
        song = prepare_once(store, self._pcm_dir, self._decode, called_for=called_for, lived_s=lived_s)
        return song is not None


def sounding_by(runtime: Runtime, clock: Clock) -> Callable[[Store], set[str]]:
    """Asks what sounds: by what the player says, and by the last scene it logged."""

    def ask(store: Store) -> set[str]:
        strips = player_state(runtime, clock).get("strips", ())
        scene = store.scenes.latest()
        layers = scene.layers if scene else ()
        return {strip["song_id"] for strip in strips if strip} | {layer["song_id"] for layer in layers}

    return ask
