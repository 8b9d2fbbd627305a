"""Whatever scenes come, in whatever order: finite, under the ceiling, without a step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixer_sounds import UNIT

from mixer.bus import SLAB
from mixer.dynamics import CEILING_DB
from mixer.engine import MasterControl
from mixer.offline_engine import OfflineEngine
from mixer.pcm import PcmInfo, write_pcm
from mixer.scene import Layer, Loop, Scene, SongId

SR = 48_000
SONGS = ("low", "lower", "mono", "short", "gone")
LEVEL = 0.05


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    folder = tmp_path_factory.mktemp("library")
    for name, hz, seconds, channels in (
        ("low", 50, 2.0, 2),
        ("lower", 30, 1.0, 2),
        ("mono", 40, 1.0, 1),
        ("short", 60, 0.05, 2),
    ):
        _write_tone(folder / f"{name}.pcm", hz, seconds, channels)
    return lambda name: str(folder / f"{name}.pcm")


def _write_tone(path: Path, hz: float, seconds: float, channels: int) -> None:
    """Begins and ends at zero, so that starting one is no step of its own."""
    wave = LEVEL * np.sin(2 * np.pi * hz * np.arange(round(seconds * SR)) / SR)
    info = PcmInfo(channels, len(wave), UNIT, -20.0, -1.0, Loop(law="linear"))
    write_pcm(path, [np.tile(wave.astype(np.float32), (channels, 1))], info)


layers = st.builds(
    dict,
    strip=st.integers(0, 2),
    song=st.sampled_from(SONGS),
    gain_db=st.floats(-130, 6),
    pan=st.floats(-1, 1),
    fade_s=st.sampled_from([0.0, 0.02, 0.3, 2.0]),
    kind=st.sampled_from(["soundscape", "instrumental"]),
    muted=st.booleans(),
    solo=st.sampled_from([False, False, False, True]),
    law=st.sampled_from(["equal_power", "linear"]),
)
scenes = st.tuples(
    st.lists(layers, max_size=3, unique_by=lambda layer: layer["strip"]), st.sampled_from([0.0, 0.1, 2.0])
)
cues = st.builds(dict, song=st.sampled_from(SONGS), left_s=st.floats(-0.1, 1.0))
moves = st.one_of(scenes, st.builds(MasterControl, st.floats(-30, 6), st.booleans(), st.booleans()), cues)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(moves, st.integers(1, 3 * SLAB)), min_size=1, max_size=8))
def test_any_sequence_is_finite_bounded_and_continuous(
    library: Callable[[str], str],
    sequence: list[tuple[tuple[list[dict], float] | MasterControl | dict, int]],
) -> None:
    engine = OfflineEngine()
    pieces = []
    for number, (move, frames) in enumerate(sequence):
        if isinstance(move, MasterControl):
            engine.control(move)
        elif isinstance(move, dict):
            until_s = engine.status().frames / SR + move["left_s"]
            engine.cue(f"cue {number}", library(move["song"]), 0.0, until_s)
        else:
            engine.apply(_scene(library, *move))
        pieces.append(engine.render(frames))
    out = np.concatenate(pieces)
    assert np.isfinite(out).all()
    assert np.abs(out).max(initial=0) <= 10 ** (CEILING_DB / 20)
    # Four strips of two decks at 0.1 each: a 5 ms fade moves by 0.0066 a frame, a 60 Hz tone by 0.0008.
    assert np.abs(np.diff(out, axis=0)).max(initial=0) < 8 * 2 * LEVEL * (np.pi / 2 / 240 + 2 * np.pi * 60 / SR)


def _scene(library: Callable[[str], str], layers: list[dict], release_s: float) -> Scene:
    return Scene(
        tuple(
            Layer(song_id=SongId(fields["song"]), path=library(fields["song"]), **_without_song(fields))
            for fields in layers
        ),
        release_s=release_s,
    )


def _without_song(fields: dict) -> dict:
    return {key: value for key, value in fields.items() if key != "song"}
