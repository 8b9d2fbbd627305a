"""The flight recorder: what the log says sounded is what sounded."""

from __future__ import annotations

import wave
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from test_appliance_resume import SR, Life, lag_s, store  # noqa: F401  a fixture

from appliance.errors import SetupError
from appliance.replay import replay_to
from appliance.replay_command import moment, replay
from appliance.store import Store
from tests.factories import Box, uid


def read(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2) / 32767


@pytest.fixture
def lived(box: Box, store: Store, monkeypatch: pytest.MonkeyPatch) -> tuple[Store, float, np.ndarray]:  # noqa: F811
    """Twenty-five seconds of the room, a hand on a fader in the middle: store, when it began, and the sound."""
    from appliance.model import Fader
    from mixer.scene import SongId

    began_s = store.clock.wall_s()
    life = Life(box, monkeypatch, "player")
    first = life.live(12)
    store.room.hold_fader(Fader(SongId(uid(1)), gain_db=-40.0))
    return store, began_s, np.concatenate((first, life.live(13)))


def test_it_sounds_as_it_sounded(lived: tuple[Store, float, np.ndarray], tmp_path: Path) -> None:
    store, began_s, sounded = lived  # noqa: F811
    out = tmp_path / "again.wav"
    status = replay_to(store, began_s + 8, 15, out)
    again, then = read(out), sounded[8 * SR : 23 * SR]
    assert again.shape == then.shape
    assert status.missing_files == 0
    for second in (1, 12):
        window = slice(second * SR, (second + 2) * SR)
        assert abs(lag_s(again[window, 0], then[window, 0])) < 0.12, "scenes are taken by the tenth of a second"
        ratio = np.square(again[window]).mean() / np.square(then[window]).mean()
        assert abs(10 * np.log10(ratio)) < 1.0


def test_songs_that_are_gone_are_left_out_and_told(lived: tuple[Store, float, np.ndarray], tmp_path: Path) -> None:
    store, began_s, _ = lived  # noqa: F811
    store.library.set_ready(uid(1), None)
    status = replay_to(store, began_s + 8, 1, tmp_path / "again.wav")
    assert status.missing_files == 1
    assert read(tmp_path / "again.wav").any()


def test_a_time_before_the_log_is_refused(lived: tuple[Store, float, np.ndarray], tmp_path: Path) -> None:
    store, began_s, _ = lived  # noqa: F811
    with pytest.raises(SetupError, match="ask for a later time"):
        replay_to(store, began_s - 60, 1, tmp_path / "again.wav")


def test_times_as_people_say_them() -> None:
    noon = datetime(2026, 5, 1, 12).timestamp()
    assert moment("11:30", noon) == noon - 1800
    assert moment("11:59:30", noon) == noon - 30
    assert moment("2026-04-30T12:00", noon) == noon - 86_400
    assert moment("-90", noon) == noon - 90
    with pytest.raises(SetupError, match="'noon' is no time"):
        moment("noon", noon)


def test_without_a_box_it_says_where_it_looked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COSOUND_DATA_DIR", str(tmp_path))
    done = CliRunner().invoke(replay, ["--at", "-90", "--out", str(tmp_path / "o.wav")])
    assert isinstance(done.exception, SetupError)
    assert str(tmp_path) in str(done.exception)
