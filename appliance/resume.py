"""Going on where a player that died left off: the same layers, on the same strips, as far on as time has gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from appliance.store import Store
from mixer.compose import Memory, Sounding
from mixer.scene import SAMPLE_RATE, Scene

LONGEST_ABSENCE_S = 600.0
FADE_IN_S = 1.0


@dataclass(frozen=True, slots=True)
class Interrupted:
    """What sounded when the last sign of life was given.

    positions: frame of each song's file that was heard at `at_s`, by (strip, song).
    """

    scene_id: str
    memory: Memory
    positions: Mapping[tuple[int, str], int]
    at_s: float

    def go_on(self, scene: Scene, now_s: float) -> Scene:
        """The scene with every layer that sounded where it would be now, fading in; engines take care of loops."""
        passed = round((now_s - self.at_s) * SAMPLE_RATE)
        layers = []
        for layer in scene.layers:
            position = self.positions.get((layer.strip, layer.song_id))
            start = 0 if position is None else position + passed
            layers.append(replace(layer, start_frame=start, fade_s=min(layer.fade_s, FADE_IN_S)))
        return replace(scene, layers=tuple(layers))


def interrupted(store: Store, state: Mapping[str, Any]) -> Interrupted | None:
    """What to go on with, from the scene log and the player's last published `state`; None when there is nothing
    of this boot, nothing recent, or nothing that makes sense."""
    row, now_s = store.scenes.latest(), store.clock.boot_s()
    if row is None or row.boot_id != store.clock.boot_id or state.get("scene_id") != row.id:
        return None
    try:
        at_s = float(state["boot_s"])
        strips = {index: strip for index, strip in enumerate(state["strips"]) if strip}
        if not 0 <= now_s - at_s <= LONGEST_ABSENCE_S:
            return None
        sounding = tuple(
            _sounding(store, layer, strips[layer["strip"]])
            for layer in row.layers
            if strips.get(layer["strip"], {}).get("song_id") == layer["song_id"]
        )
        positions = {(seat.strip, str(seat.song_id)): int(strips[seat.strip]["position_frame"]) for seat in sounding}
    except (KeyError, TypeError, ValueError):  # a file that another version wrote
        return None
    return Interrupted(row.id, Memory(sounding), positions, at_s) if sounding else None


def _sounding(store: Store, layer: Mapping[str, Any], strip: Mapping[str, Any]) -> Sounding:
    song = store.library.song(layer["song_id"])
    return Sounding(
        song_id=layer["song_id"],
        strip=layer["strip"],
        kind=layer["kind"],
        since_s=float(strip["since_s"]),
        gain_db=float(layer["gain_db"]),
        held=bool(layer["held"]),
        muted=bool(layer["muted"]),
        duration_s=(song.duration_s if song else None) or 600.0,
    )
