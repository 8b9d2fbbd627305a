"""Working stand-ins for what needs a device."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from mixer.engine import EngineStatus, MasterControl, StripStatus
from mixer.scene import SAMPLE_RATE, STRIPS, Layer, Scene, db_to_gain


class FakeEngine:
    """An engine without sound: fades are over at once, and every song has the same level.

    now_s: its clock, by which songs go on. exists: asked for a layer's file; without it its strip is silent.
    sounds: asked whether there is anything to hear in a file.
    """

    def __init__(
        self,
        now_s: Callable[[], float],
        exists: Callable[[str], bool] = lambda path: True,
        sounds: Callable[[str], bool] = lambda path: True,
    ) -> None:
        self._now_s = now_s
        self._exists = exists
        self._sounds = sounds
        self._heard_s = now_s()
        self._since: dict[str, float] = {}
        self.scenes: list[Scene] = []
        self.master = MasterControl()
        self.cues: list[str] = []
        self.closed = False

    @property
    def scene(self) -> Scene:
        return self.scenes[-1] if self.scenes else Scene()

    def apply(self, scene: Scene) -> None:
        self.scenes.append(scene)
        now_s = self._now_s()
        self._since = {layer.song_id: self._since.get(layer.song_id, now_s) for layer in scene.layers}

    def control(self, master: MasterControl) -> None:
        self.master = master

    def cue(self, cue_id: str, path: str, gain_db: float = 0.0, until_s: float = math.inf) -> None:
        quiet = self.master.mute or self.master.hush
        if cue_id not in self.cues and not quiet and self._now_s() < until_s:
            self.cues.append(cue_id)

    def status(self) -> EngineStatus:
        missing = sum(not self._exists(layer.path) for layer in self.scene.layers)
        strips = tuple(self._strip(strip) for strip in range(STRIPS))
        wanted = any(not self._unheard(layer) and self._exists(layer.path) for layer in self.scene.layers)
        if any(strip.rms for strip in strips) or not wanted or self.master.mute:
            self._heard_s = self._now_s()
        silent_for_s = self._now_s() - self._heard_s
        return EngineStatus("fake", "none", 2, 1024, missing_files=missing, silent_for_s=silent_for_s, strips=strips)

    def close(self) -> None:
        self.closed = True

    def _strip(self, strip: int) -> StripStatus:
        layer = self.scene.on_strip(strip)
        if layer is None or not self._exists(layer.path):
            return StripStatus()
        heard = self._sounds(layer.path) and not self._unheard(layer)
        level = 0.1 * db_to_gain(layer.gain_db) if heard else 0.0
        played_s = self._now_s() - self._since[layer.song_id]
        return StripStatus(layer.song_id, round(played_s * SAMPLE_RATE), layer.gain_db, level, level)

    def _unheard(self, layer: Layer) -> bool:
        return layer.muted or (self.scene.solo and not layer.solo)


def on_disk(path: str) -> bool:
    """For a FakeEngine that looks for its files."""
    return Path(path).exists()
