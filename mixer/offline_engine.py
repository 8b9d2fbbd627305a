"""The engine without a device: renders as fast as it can, for tests, for files, for looking back."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from mixer.desk import Desk
from mixer.engine import EngineStatus, MasterControl
from mixer.envelope import Samples
from mixer.scene import Scene
from mixer.space import Room


class OfflineEngine:
    """An `Engine` whose next block is asked for by `render`; sample for sample what a device would get."""

    def __init__(
        self, channels: int = 2, block: int = 1024, target_lufs: float = -20.0, room: Room | None = None
    ) -> None:
        self._desk = Desk(channels, target_lufs, room)
        self._block = block

    def apply(self, scene: Scene, delays: Mapping[int, int] | None = None) -> None:
        """delays: frames after the next slab's first at which a strip begins to move, for starts between slabs."""
        self._desk.apply(scene, delays)

    def control(self, master: MasterControl) -> None:
        self._desk.control(master)

    def cue(self, cue_id: str, path: str, gain_db: float = 0.0, until_s: float = math.inf) -> None:
        self._desk.cue(cue_id, path, gain_db, until_s)

    def render(self, frames: int) -> Samples:
        """The next `frames` frames, float32 of shape (frames, channels)."""
        out = np.empty((frames, self._desk.channels), np.float32)
        for start in range(0, frames, self._block):
            self._desk.fill(out[start : start + self._block])
        return out

    def status(self) -> EngineStatus:
        return self._desk.status("offline", "none", self._block)

    def close(self) -> None:
        """Nothing is held."""
