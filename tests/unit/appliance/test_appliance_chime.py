from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from appliance.chime import NOTES_HZ, OVER_AFTER_S, PEAK, Chimes, render
from appliance.clock import ManualClock
from appliance.player import Player
from mixer.offline_engine import OfflineEngine
from mixer.pcm import open_pcm
from mixer.scene import SAMPLE_RATE
from tests.factories import RAIN, Box, put_songs, song_row, tap
from tests.fakes import FakeEngine


def test_each_kind_is_short_clean_and_its_own() -> None:
    sounds = [render(notes)[0] for notes in NOTES_HZ.values()]
    for sound in sounds:
        assert np.abs(sound).max() == pytest.approx(PEAK, rel=1e-5)
        assert abs(sound[0]) < 1e-6
        assert np.abs(sound[-24:]).max() < 2e-3, "no click at the end"
        assert len(sound) < 0.7 * SAMPLE_RATE
    assert len({sound.tobytes() for sound in sounds}) == 3


def test_made_once_and_again_when_torn(tmp_path: Path) -> None:
    Chimes(tmp_path).prepare()
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(made) == {"in.pcm", "out.pcm", "phone.pcm"}
    (tmp_path / "in.pcm").write_bytes(b"torn")
    Chimes(tmp_path).prepare()
    assert (tmp_path / "in.pcm").read_bytes() == made["in.pcm"]
    assert open_pcm(tmp_path / "in.pcm").info.channels == 1


def test_without_a_disk_there_is_no_chime_and_no_error(tmp_path: Path, box: Box) -> None:
    (tmp_path / "file").touch()
    chimes = Chimes(tmp_path / "file")
    chimes.prepare()
    engine = FakeEngine(box.clock.boot_s)
    chimes.play(engine, tap(box.store()), box.clock.boot_s())
    assert engine.cues == []


@pytest.fixture
def engine(box: Box, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    monkeypatch.setattr("appliance.player.TICK_S", 0.0)
    return FakeEngine(clock.boot_s)


def started(box: Box, engine: FakeEngine) -> Player:
    store = box.store("player")
    put_songs(store, song_row(1, embedding=RAIN))
    player = Player(store, engine, box.runtime, box.config())
    player.start()
    return player


def test_every_tap_sounds_once_by_what_it_did(
    box: Box, clock: ManualClock, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    player, cue = started(box, engine), engine.cue
    kinds: list[str] = []
    monkeypatch.setattr(
        engine, "cue", lambda cue_id, path, *rest: (kinds.append(Path(path).stem), cue(cue_id, path, *rest))
    )
    results = []
    for card, wait_s in (("a", 1), ("a", 30), (None, 1)):
        clock.advance(wait_s)
        results.append(tap(player.store, card))
        player.step()
        player.step()
    assert kinds == ["in", "out", "phone"]
    assert engine.cues == [f"tap {each.tap_id}" for each in results]


def test_none_sounds_into_a_hush_nor_when_the_player_comes_late(
    box: Box, clock: ManualClock, engine: FakeEngine
) -> None:
    player = started(box, engine)
    player.store.room.set_master(hush=True)
    tap(player.store, "b")
    player.look()
    player.store.room.set_master(hush=False)
    tap(player.store, "c")
    clock.advance(OVER_AFTER_S)
    player.look()
    assert engine.cues == []


def test_it_is_heard(tmp_path: Path) -> None:
    chimes = Chimes(tmp_path)
    chimes.prepare()
    engine = OfflineEngine(channels=2)
    engine.cue("one", str(tmp_path / "in.pcm"), 0.0)
    heard = engine.render(SAMPLE_RATE)
    assert 0.1 < float(np.abs(np.asarray(heard)).max()) < 0.5
    engine.close()
