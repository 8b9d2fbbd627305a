from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from appliance.chime import NOTES_HZ, PEAK, Chimes, render
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
    chimes.play(engine, tap(box.store()))
    assert engine.cues == []


def test_every_tap_sounds_once_by_what_it_did_and_none_in_a_hush(
    box: Box, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.player.TICK_S", 0.0)
    store, engine = box.store("player"), FakeEngine(clock.boot_s)
    put_songs(store, song_row(1, embedding=RAIN))
    player = Player(store, engine, box.runtime, box.config())
    player._chimes.prepare()
    sounded: list[tuple[str, str]] = []
    monkeypatch.setattr(engine, "cue", lambda cue_id, path, gain_db: sounded.append((cue_id, Path(path).stem)))
    results = []
    for card, wait_s in (("a", 1), ("a", 30), (None, 1)):
        clock.advance(wait_s)
        results.append(tap(store, card))
        player.step()
        player.step()
    assert sounded == [(f"tap {one.tap_id}", kind) for one, kind in zip(results, ("in", "out", "phone"), strict=True)]
    store.room.set_master(hush=True)
    clock.advance(30)
    tap(store, "b")
    player.look()
    assert len(sounded) == 3


def test_it_is_heard(tmp_path: Path) -> None:
    chimes = Chimes(tmp_path)
    chimes.prepare()
    engine = OfflineEngine(channels=2)
    engine.cue("one", str(tmp_path / "in.pcm"), 0.0)
    heard = engine.render(SAMPLE_RATE)
    assert 0.1 < float(np.abs(np.asarray(heard)).max()) < 0.5
    engine.close()
