"""Going on where the player left off: after a crash as far on as time has gone, after a reboot where it stood.

Within one boot the last published state tells, a tenth of a second old. It goes with the boot; what outlives that
is a bookmark on the card, laid when the player ends and otherwise rarely.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from appliance.model import SceneRow
from appliance.slots import Slots
from appliance.store import Store
from mixer.roster import Memory, Sounding
from mixer.scene import SAMPLE_RATE, Scene

LONGEST_ABSENCE_S = 600.0
BOOKMARK_EVERY_S = 900.0
BESIDE_S = 300.0  # so old it is laid anew when something else is written down, which is every ten minutes or so
FADE_IN_S = 1.0
_KEPT = ("scene_id", "boot_s", "strips")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Interrupted:
    """What sounded when the last sign of life was given.

    positions: frame of each song's file that was heard at `at_s`, by (strip, song). rebooted: that was before this
    boot; nobody knows how long ago, and `at_s` is now.
    """

    scene_id: str
    memory: Memory
    positions: Mapping[tuple[int, str], int]
    at_s: float
    rebooted: bool = False

    def go_on(self, scene: Scene, now_s: float) -> Scene:
        """The scene with every layer that sounded where it would be now, fading in; engines take care of loops."""
        passed = round((now_s - self.at_s) * SAMPLE_RATE)
        layers = []
        for layer in scene.layers:
            position = self.positions.get((layer.strip, layer.song_id))
            start = 0 if position is None else position + passed
            layers.append(replace(layer, start_frame=start, fade_s=min(layer.fade_s, FADE_IN_S)))
        return replace(scene, layers=tuple(layers))


class Bookmark:
    """Where the room's sound stood, in a small file beside the store."""

    def __init__(self, data_dir: Path, every_s: float = BOOKMARK_EVERY_S) -> None:
        self._file = Slots(data_dir / "bookmark")
        self._every_s = every_s
        self._laid_s = float("-inf")

    def is_due(self, now_s: float, *, beside: bool = False) -> bool:
        """beside: the card is woken at this moment anyway, which is most of what a bookmark costs."""
        return now_s - self._laid_s >= (min(BESIDE_S, self._every_s) if beside else self._every_s)

    def lay(self, state: Mapping[str, Any], layers: Sequence[Mapping[str, Any]], *, boot_id: str, now_s: float) -> None:
        """Keep from the player's published `state` where these layers of its scene stand. A disk that refuses is no
        reason to stop."""
        self._laid_s = now_s
        try:
            kept = {key: state[key] for key in _KEPT}
            self._file.write({"boot_id": boot_id, "layers": list(layers)} | kept)
        except (OSError, ValueError) as error:
            log.debug("no bookmark: %s", error)

    def read(self) -> dict[str, Any]:
        return self._file.read()


def interrupted(store: Store, state: Mapping[str, Any], bookmark: Mapping[str, Any]) -> Interrupted | None:
    """What to go on with, from the scene log and the player's last published `state`, or after a reboot its
    `bookmark`; None when there is nothing, nothing recent in this boot, or nothing that makes sense."""
    row, now_s = store.scenes.latest(), store.clock.boot_s()
    try:
        if row is not None and row.boot_id == store.clock.boot_id:
            return _after_a_crash(store, row, state, now_s)
        return _after_a_reboot(store, row, bookmark, now_s)
    except (KeyError, TypeError, ValueError):  # a file that another version wrote
        return None


def _after_a_crash(store: Store, row: SceneRow, state: Mapping[str, Any], now_s: float) -> Interrupted | None:
    if state.get("scene_id") != row.id:
        return None
    at_s = float(state["boot_s"])
    if not 0 <= now_s - at_s <= LONGEST_ABSENCE_S:
        return None
    strips = _strips(state)
    seats = [layer for layer in row.layers if _seated(strips, layer)]
    return _interrupted(store, row.id, seats, strips, at_s) if seats else None


def _after_a_reboot(
    store: Store, row: SceneRow | None, bookmark: Mapping[str, Any], now_s: float
) -> Interrupted | None:
    """All of the last scene we know of; a layer that came in after the bookmark was laid begins at its beginning."""
    scene_id, layers = bookmark.get("scene_id", ""), bookmark.get("layers", [])
    if row is not None and _is_older(bookmark, row):
        scene_id, layers = row.id, list(row.layers)
    if not layers:
        return None
    ago_s = now_s - float(bookmark.get("boot_s", 0.0))
    strips = {index: strip | {"since_s": float(strip["since_s"]) + ago_s} for index, strip in _strips(bookmark).items()}
    fresh = {"since_s": now_s, "position_frame": 0}
    known = {layer["strip"]: strips[layer["strip"]] if _seated(strips, layer) else fresh for layer in layers}
    return replace(_interrupted(store, scene_id, layers, known, now_s), rebooted=True)


def _is_older(bookmark: Mapping[str, Any], row: SceneRow) -> bool:
    """Whether the log knows a later scene. One of each boot's bookmarks is laid in its first moments."""
    if "layers" not in bookmark:
        return True
    return bool(bookmark["boot_id"] == row.boot_id and 1000 * float(bookmark["boot_s"]) < row.boot_ms)


def _strips(state: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    return {index: strip for index, strip in enumerate(state.get("strips", ())) if strip}


def _seated(strips: Mapping[int, Mapping[str, Any]], layer: Mapping[str, Any]) -> bool:
    return bool(strips.get(layer["strip"], {}).get("song_id") == layer["song_id"])


def _interrupted(
    store: Store,
    scene_id: str,
    layers: Sequence[Mapping[str, Any]],
    strips: Mapping[int, Mapping[str, Any]],
    at_s: float,
) -> Interrupted:
    sounding = tuple(_sounding(store, layer, strips[layer["strip"]]) for layer in layers)
    positions = {(seat.strip, str(seat.song_id)): int(strips[seat.strip]["position_frame"]) for seat in sounding}
    return Interrupted(scene_id, Memory(sounding), positions, at_s)


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
