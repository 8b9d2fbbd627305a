"""What is measured while the demo runs: layers, underruns, the outbox, and how fast a tap is heard."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.demo import facts
from mixer.scene import SAMPLE_RATE

SLAB_MS = 1000 * 4096 / SAMPLE_RATE  # a scene takes effect at the next slab: the longest wait is added
SOUNDING = 1e-3
NOTICEABLE_DB = 1.0

_FIRST_SCENE_OF_EACH_TAP = """
    select t.boot_ms, p.display_name, s.boot_ms, s.cause
    from taps t join profiles p on p.id = t.profile_id
    join scenes s on s.seq = (select min(seq) from scenes where taps_seen >= t.seq)
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


def tap_to_scene_ms(data_dir: Path) -> list[int]:
    """From each returning listener's tap to the scene it moved by a dB, the longest wait for a slab included."""
    rows = facts.query(data_dir, _FIRST_SCENE_OF_EACH_TAP)
    return [round(scene_ms - tap_ms + SLAB_MS) for tap_ms, name, scene_ms, cause in rows if _moved_by(name, cause)]


def _moved_by(name: str, cause: str | None) -> bool:
    told = json.loads(cause) if cause else {}
    moved = any(
        move["from_db"] is None or move["to_db"] is None or abs(move["to_db"] - move["from_db"]) >= NOTICEABLE_DB
        for move in told.get("moves", [])
    )
    return moved and (told.get("tap") or {}).get("name") == name
