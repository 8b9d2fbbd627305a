"""A whole day through the bus, offline: no step, no NaN, no dead air, and every position where it must be.

`make soak` renders 24 hours in a few minutes; COSOUND_SOAK_HOURS says how many.
"""

from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mixer.bus import SLAB
from mixer.dynamics import CEILING_DB, LOOKAHEAD
from mixer.offline_engine import OfflineEngine
from mixer.pcm import PcmInfo, write_pcm
from mixer.scene import SAMPLE_RATE, Layer, Loop, Scene, SongId

HOURS = float(os.environ.get("COSOUND_SOAK_HOURS", "0"))
SONGS, SOUNDING, LEVEL, HIGHEST_HZ = 12, 6, 0.05, 190.0
SHORTEST_FADE_S = 0.5
XFADE_S = 1.0

pytestmark = [
    pytest.mark.skipif(HOURS <= 0, reason="slow: make soak"),
    pytest.mark.timeout(7200),
]


@pytest.fixture
def songs(tmp_path: Path) -> list[tuple[str, int]]:
    """(path, frames): low tones of odd lengths, beginning and ending at zero."""
    made = []
    for number in range(SONGS):
        hz, seconds = 40 + number * (HIGHEST_HZ - 40) / SONGS, round(7 + 3.7 * number)
        frames = round(round(hz * seconds) / hz * SAMPLE_RATE)
        wave = LEVEL * np.sin(2 * np.pi * hz * np.arange(frames) / SAMPLE_RATE)
        path = tmp_path / f"{number}.pcm"
        info = PcmInfo(2, frames, 1 / 32768, -20.0, -20.0, Loop(xfade_s=XFADE_S))
        write_pcm(path, [np.tile(wave.astype(np.float32), (2, 1))], info)
        made.append((str(path), frames))
    return made


def test_a_day_without_a_step_a_gap_or_a_lost_frame(songs: list[tuple[str, int]]) -> None:
    dice, engine = random.Random(24), OfflineEngine()
    layers = {strip: _layer(songs, strip, strip, 0.0, fade_s=SHORTEST_FADE_S) for strip in range(SOUNDING)}
    engine.apply(Scene(tuple(layers.values())))
    last = np.zeros((1, 2), np.float32)
    worst_step = 0.0
    for slab in range(round(HOURS * 3600 * SAMPLE_RATE / SLAB)):
        if slab and slab % 300 == 0:  # every 26 seconds something changes; strip 0 only its level
            _change(dice, songs, layers)
            engine.apply(Scene(tuple(layers.values()), release_s=4.0))
        out = engine.render(SLAB)
        assert np.isfinite(out).all(), f"slab {slab}"
        assert np.abs(out).max() <= 10 ** (CEILING_DB / 20)
        worst_step = max(worst_step, float(np.abs(np.diff(out, axis=0, prepend=last)).max()))
        last = out[-1:]
    status = engine.status()
    assert worst_step < _allowed_step()
    assert status.dead_air_s < 0.2, "but for the first slab"
    assert (status.clipped_samples, status.missing_files, status.heals) == (0, 0, 0)
    assert status.strips[0].position_frame == _expected(songs[0][1], status.frames)


def _layer(songs: list[tuple[str, int]], strip: int, song: int, gain_db: float, *, fade_s: float) -> Layer:
    name = SongId(f"song {song}")
    return Layer(strip, name, songs[song][0], "soundscape", gain_db, pan=0.3 * (strip % 3 - 1), fade_s=fade_s)


def _change(dice: random.Random, songs: list[tuple[str, int]], layers: dict[int, Layer]) -> None:
    sounding = {layer.song_id for layer in layers.values()}
    free = [number for number in range(SONGS) if f"song {number}" not in sounding]
    strip = dice.randrange(1, SOUNDING)
    layers[strip] = _layer(songs, strip, dice.choice(free), dice.uniform(-6, 0), fade_s=dice.uniform(0.5, 8))
    for other, layer in list(layers.items()):
        if other != strip:
            layers[other] = replace(layer, gain_db=dice.uniform(-6, 0), fade_s=dice.uniform(0.5, 3))


def _allowed_step() -> float:
    """Every deck's tone and fade at their steepest, all at once, seams included."""
    per_deck = LEVEL * (2 * np.pi * HIGHEST_HZ / SAMPLE_RATE + np.pi / 2 / (SHORTEST_FADE_S * SAMPLE_RATE))
    return float(2 * SOUNDING * per_deck * 1.5)


def _expected(frames: int, rendered: int) -> int:
    """Where a bed is after so many frames: once through, then round the loop."""
    entry, heard = round(XFADE_S * SAMPLE_RATE), rendered - LOOKAHEAD
    return heard if heard < frames else entry + (heard - frames) % (frames - entry)
