"""What the mixer's tests share: layers of known files, and what the engine made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mixer.dynamics import LOOKAHEAD
from mixer.offline_engine import OfflineEngine
from mixer.scene import Layer, SongId

SR = 48_000
UNIT = 1 / 32768
HALF = 0.5  # a steady level below what the limiter looks at

Samples = npt.NDArray[np.float32]
MakePcm = Callable[..., str]


def layer(path: str, **fields: Any) -> Layer:
    """A bed at 0 dB on strip 0, named after its file."""
    known: dict[str, Any] = {"strip": 0, "song_id": SongId(Path(path).stem), "kind": "soundscape", "gain_db": 0.0}
    return Layer(path=path, **(known | fields))


def heard(engine: OfflineEngine, frames: int) -> Samples:
    """Render what the bus mixed in its next `frames` frames, without the limiter's delay."""
    before = engine.status().frames
    rendered = engine.render(frames + LOOKAHEAD if before == 0 else frames)
    return rendered[LOOKAHEAD:] if before == 0 else rendered


def dbfs(error: npt.NDArray[Any]) -> float:
    return float(20 * np.log10(np.abs(error).max() + 1e-12))
