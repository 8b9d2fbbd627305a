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
from sync.client import Cloud

FRESH_S = 5.0
MAX_WHY = 8


def heartbeat_once(store: Store, cloud: Cloud, runtime: Runtime, clock: Clock) -> wire.HeartbeatReply:
    """Say once how the room is. Raises as `Cloud` does."""
    return cloud.heartbeat(build_heartbeat(store, runtime, clock))


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
