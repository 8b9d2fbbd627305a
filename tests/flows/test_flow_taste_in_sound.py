"""Strangers who love the rain come, rate and go, and the recording tells whether the room has understood them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from appliance.demo.recording import RATE, Mono, find_song, read_mono
from appliance.demo.stage import starter_dir
from tests.faults.conftest import SOUND_WITHIN_S, RunningDemo, start_demo, stop_demo
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.processes

SECONDS, LISTENED_S = 45, 20.0
WITHIN_S = SOUND_WITHIN_S + SECONDS + PATIENCE_S
EVERY_BED = "[sound]\nbeds = 12\ninstrumentals = 0\n"


@pytest.mark.timeout(2 * WITHIN_S)
def test_with_inverted_votes_rain_and_fire_change_places(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same seed twice, at the same time: the same people at the same moments, but for what they say."""
    folders = [Path(tmp_path_factory.mktemp(name, numbered=False)) for name in ("as", "in")]
    demos = [evening(folder, *more) for folder, more in zip(folders, ((), ("--invert-votes",)), strict=True)]
    try:
        for demo in demos:
            demo.process.wait(WITHIN_S)
        as_felt, inverted = (rain_over_fire_db(demo) for demo in demos)
    finally:
        for demo in demos:
            stop_demo(demo)
    assert as_felt > 1, "the room of those who love the rain"
    assert inverted < -1, "the same, saying the opposite"


def evening(folder: Path, *more: str) -> RunningDemo:
    (folder / "cosound.toml").write_text(EVERY_BED)
    return start_demo(folder, "--seconds", str(SECONDS), "--world", "aligned", "--seed", "3", *more)


def rain_over_fire_db(demo: RunningDemo) -> float:
    """How much louder the rain is than the fire at the end, both at the same loudness on their own."""
    end = read_mono(demo.recording)[-round(LISTENED_S * RATE) :]
    return level_db(end, "rain") - level_db(end, "fire")


def level_db(recording: Mono, name: str) -> float:
    """How loud a song of the starter library is in a recording, by its own waveform."""
    file = starter_dir() / f"{name}.flac"
    song = read_mono(file)
    heard = find_song(recording, song)
    assert heard.certain, f"{name} cannot be heard"
    begins = round(heard.at_s * RATE)
    start, end = max(0, begins), min(len(recording), begins + len(song))
    there = song[start - begins : end - begins]
    gain = float(recording[start:end] @ there) / float(there @ there)
    own_energy = float(np.mean(np.square(soundfile.read(str(file))[0])))
    return float(20 * np.log10(gain * np.sqrt(own_energy)))
