"""What the box says of itself every few seconds, put together from what the player publishes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from appliance.clock import Clock
from appliance.runtime import Runtime
from appliance.store import Store
from sync import wire
from sync.door import Door

FRESH_S = 5.0
MAX_WHY = 8
FULL_EVERY_S = 600.0


class Heart:
    """Says how the room is: in full when that is news, else only that all is as before.

    The shares of a new scene settle while it fades in, so it is told in full twice.
    """

    def __init__(self, cloud: Door, runtime: Runtime, clock: Clock) -> None:
        self._cloud = cloud
        self._runtime = runtime
        self._clock = clock
        self._kept: str | None = None
        self._told: object = None
        self._tell_again = False
        self._full_s = float("-inf")

    def beat(self, store: Store) -> None:
        """Beat once. Raises as `Door` does."""
        full = build_heartbeat(store, self._runtime, self._clock)
        if not (self._is_as_before(full) and self._cloud.bare_beat(self._bare(full))):
            self._say(full)

    def _is_as_before(self, full: wire.Heartbeat) -> bool:
        recent = self._clock.boot_s() - self._full_s < FULL_EVERY_S
        return recent and not self._tell_again and _gist(full) == self._told

    def _bare(self, full: wire.Heartbeat) -> wire.BareBeat:
        return wire.BareBeat(as_before=self._kept or "", pending=full.pending, underruns=full.underruns)

    def _say(self, full: wire.Heartbeat) -> None:
        self._kept = self._cloud.heartbeat(full).kept
        gist = _gist(full) if self._kept else None
        self._tell_again, self._told = gist != self._told, gist
        self._full_s = self._clock.boot_s()


def build_heartbeat(store: Store, runtime: Runtime, clock: Clock) -> wire.Heartbeat:
    """A player that has not spoken for 5 s is not audible, whatever it said last."""
    player = player_state(runtime, clock)
    now = {
        "boot_id": clock.boot_id,
        "mono_ms": round(clock.boot_s() * 1000),
        "wall_ms": round(clock.wall_s() * 1000),
        "pending": store.outbox.pending(),
        "disk_free_mb": free_mb(store.db.path.parent),
        "version": version("cosound"),
    }
    try:
        return wire.Heartbeat.model_validate({**now, **_room(player)})
    except ValidationError:  # a player of another version: the room still lives
        return wire.Heartbeat.model_validate({**now, "audible": bool(player.get("audible"))})


def _gist(beat: wire.Heartbeat) -> object:
    """What makes a beat news. The shares move with every drop of rain, the free disk with every file."""
    return beat.scene_id, beat.audible, beat.silent_on_purpose, beat.why, beat.here


def player_state(runtime: Runtime, clock: Clock) -> dict[str, Any]:
    """What the player published, {} when that is stale or of another boot."""
    state = runtime.read("player")
    age_s = clock.boot_s() - state.get("boot_s", clock.boot_s())
    return state if 0 <= age_s < FRESH_S else {}


def free_mb(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free >> 20
    except OSError:
        return None


def _room(player: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "audible": bool(player.get("audible")),
        "silent_on_purpose": bool(player.get("silent_on_purpose")),
        "scene_id": player.get("scene_id"),
        "scene": player.get("scene", ()),
        "why": [str(why) for why in player.get("why", ())][:MAX_WHY],
        "here": player.get("here", 0),
        "underruns": player.get("underruns", 0),
    }
