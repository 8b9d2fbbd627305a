"""What is measured while the demo runs: layers, underruns, the outbox, and how fast a tap is heard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from appliance.demo import facts
from appliance.store import Store
from mixer.scene import SAMPLE_RATE

SLAB_MS = 1000 * 4096 / SAMPLE_RATE  # a scene takes effect at the next slab: the longest wait is added
SOUNDING = 1e-3
NOTICEABLE_DB = 1.0

_RETURNS = """
    select t.seq, t.boot_ms, p.display_name from taps t join profiles p on p.id = t.profile_id
    where t.outcome = 'in' and t.new_listener = 0
"""


@dataclass(slots=True)
class Watch:
    """High-water marks, which songs were heard, and when the outbox was first empty again after a cut."""

    layers_max: int = 0
    underruns: int = 0
    pending_max: int = 0
    drained_at_s: float | None = None
    heard: set[str] = field(default_factory=set)
    balances: list[facts.Balance] = field(default_factory=list)

    def see(self, player: dict[str, Any], pending: int) -> None:
        sounding = [strip for strip in player.get("strips", []) if strip and strip["rms"] > SOUNDING]
        self.heard |= {strip["song_id"] for strip in sounding if "song_id" in strip}
        self.layers_max = max(self.layers_max, len(sounding))
        self.underruns = max(self.underruns, player.get("underruns", 0))
        self.pending_max = max(self.pending_max, pending)

    def see_drained(self, pending: int, elapsed_s: float) -> None:
        if pending == 0 and self.drained_at_s is None:
            self.drained_at_s = elapsed_s

    @property
    def always_even(self) -> bool:
        """Every balance taken so far: acknowledged = in cloud + pending."""
        return bool(self.balances) and all(balance.even for balance in self.balances)


def tap_to_scene_ms(store: Store) -> list[int]:
    """From each returning listener's tap to the scene it moved by a dB, the longest wait for a slab included."""
    scenes = store.scenes.since(0)
    answers = [
        (tap, next((scene for scene in scenes if scene.taps_seen >= tap["seq"]), None))
        for tap in store.db.rows(_RETURNS)
    ]
    return [
        round(scene.boot_ms - tap["boot_ms"] + SLAB_MS)
        for tap, scene in answers
        if scene is not None and _moved_by(tap["display_name"], scene.cause)
    ]


def _moved_by(name: str, cause: Mapping[str, Any]) -> bool:
    moved = any(
        move["from_db"] is None or move["to_db"] is None or abs(move["to_db"] - move["from_db"]) >= NOTICEABLE_DB
        for move in cause.get("moves", [])
    )
    return moved and (cause.get("tap") or {}).get("name") == name
