"""What a person may ask of the demo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ml.crowd import World


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """Seconds count from the first sound. music: a folder of the person's own; music_kind: what all of it is.

    world: the crowd are strangers of that simulated world; invert_votes: they say the opposite of what they feel.
    """

    folder: Path | None = None
    seconds: float | None = None
    record: Path | None = None
    report: Path | None = None
    headless: bool = False
    offline_after_s: float | None = None
    offline_for_s: float = 15.0
    seed: int = 1
    music: Path | None = None
    music_kind: str | None = None
    database: str = "sqlite"
    world: World | None = None
    invert_votes: bool = False
