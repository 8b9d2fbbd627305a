"""What the room sounded like at a past moment: the scene log played once more, through the same bus."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from appliance.errors import SetupError
from appliance.model import SceneRow
from appliance.store import Store
from mixer.engine import EngineStatus
from mixer.offline_engine import OfflineEngine
from mixer.render import Change, render_changes
from mixer.scene import SAMPLE_RATE, STRIPS, Layer, SongId
from mixer.space import Room

FADE_IN_S = 0.3
LOOK_BACK = 500  # scenes: far enough for any layer's beginning that still matters

Seat = tuple[int, str]


def replay_to(
    store: Store, at_wall_s: float, seconds: float, out: Path, *, channels: int = 2, target_lufs: float = -20.0,
    room: Room | None = None,
) -> EngineStatus:  # fmt: skip
    """Render what the log says for `seconds` from `at_wall_s` (the box's clock) on.

    The present status tells `missing_files`: songs the box no longer has. Raises SetupError when the log knows
    nothing of that time, OSError when `out` cannot be written.
    """
    rows = store.scenes.since(0)
    begun = [row for row in rows if row.wall_ms <= at_wall_s * 1000][-LOOK_BACK:]
    later = [row for row in rows if at_wall_s * 1000 < row.wall_ms < (at_wall_s + seconds) * 1000]
    if not begun:
        raise SetupError("the scene log begins later than that: ask for a later time")
    changes = list(_changes(store, [*begun, *later], len(begun) - 1, at_wall_s))
    engine = OfflineEngine(channels, target_lufs=target_lufs, room=room)
    return render_changes(engine, channels, changes, seconds, out)


def _changes(store: Store, rows: Sequence[SceneRow], first: int, at_wall_s: float) -> Iterable[Change]:
    """From the scene that sounded then: each layer in where it had got to, then every later scene in its time."""
    began_ms: dict[Seat, int] = {}
    before: dict[int, Layer] = {}
    for index, row in enumerate(rows):
        layers = {raw["strip"]: raw for raw in row.layers}
        seats = {(strip, raw["song_id"]) for strip, raw in layers.items()}
        began_ms = {seat: began_ms.get(seat, row.wall_ms) for seat in seats}
        if index < first:
            continue
        frame = max(0, round((row.wall_ms / 1000 - at_wall_s) * SAMPLE_RATE))
        now = {
            strip: _layer(store, raw, at_wall_s - began_ms[strip, raw["song_id"]] / 1000, fresh=index == first)
            for strip, raw in layers.items()
        }
        for strip in range(STRIPS):
            if now.get(strip) != before.get(strip):
                yield Change(frame, strip, now.get(strip))
        before = now


def _layer(store: Store, raw: dict[str, Any], since_s: float, *, fresh: bool) -> Layer:
    """A logged layer as the engine takes it; a song the box no longer has keeps a path to nothing."""
    song = store.library.song(raw["song_id"])
    return Layer(
        strip=raw["strip"],
        song_id=SongId(raw["song_id"]),
        path=(song.pcm_path if song else None) or f"{raw['song_id']}.pcm",
        kind=raw["kind"],
        gain_db=raw["gain_db"],
        pan=raw["pan"],
        start_frame=max(0, round(since_s * SAMPLE_RATE)) if fresh else 0,
        fade_s=FADE_IN_S if fresh else raw["fade_s"],
        muted=raw["muted"],
        title=raw["title"],
    )
