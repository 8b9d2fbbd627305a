"""A player that died comes back where it would be now, not where it begins."""

from __future__ import annotations

import gc
import os
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from appliance.player import Player
from appliance.resume import BESIDE_S, BOOKMARK_EVERY_S, Bookmark, interrupted
from appliance.slots import Slots
from appliance.store import Store
from mixer.offline_engine import OfflineEngine
from mixer.pcm import PcmInfo, write_pcm
from mixer.scene import Loop
from tests.factories import FIRE, RAIN, SEA, Box, put_songs, song_row, uid

SR = 48_000
TICK_S = 0.1
LENGTH_S = 7.0


@pytest.fixture
def store(box: Box, tmp_path: Path) -> Store:
    """Two beds and an instrumental of noise: at every moment unlike at any other."""
    store = box.store("setup")
    put_songs(
        store,
        song_row(1, embedding=RAIN, title="Rain"),
        song_row(2, embedding=FIRE, title="Fire"),
        song_row(3, "instrumental", embedding=SEA, title="Piece", duration=60.0),
        ready=False,
    )
    for number, seconds in ((1, LENGTH_S), (2, LENGTH_S + 1.3), (3, 60.0)):
        store.library.set_ready(uid(number), noise(tmp_path / f"{number}.pcm", number, seconds))
    return store


def noise(path: Path, seed: int, seconds: float) -> Path:
    samples = np.random.default_rng(seed).normal(0, 0.1, (1, round(seconds * SR))).astype(np.float32)
    write_pcm(path, [samples], PcmInfo(1, samples.shape[1], 1 / 32768, -20.0, -3.0, Loop(xfade_s=0.5)))
    return path


class Life:
    """One life of the player: its own engine, the box's store and clock."""

    def __init__(self, box: Box, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.setattr("appliance.player.TICK_S", 0.0)
        for call in ("freeze", "set_threshold"):
            monkeypatch.setattr(gc, call, lambda *_: None)
        self.engine = OfflineEngine()
        self.clock = box.clock
        self.player = Player(box.store(name), self.engine, box.runtime, box.config(COSOUND_FADE_S="6"))
        self.player.start()

    def live(self, seconds: float) -> np.ndarray:
        heard = []
        for _ in range(round(seconds / TICK_S)):
            heard.append(self.engine.render(round(TICK_S * SR)))
            self.clock.advance(TICK_S)
            self.player.step()
        return np.concatenate(heard)

    def seats(self) -> dict[int, str | None]:
        return {index: strip.song_id for index, strip in enumerate(self.engine.status().strips) if strip.song_id}


def lag_s(one: np.ndarray, other: np.ndarray) -> float:
    """By how much `one` comes later than `other`."""
    size = 2 ** int(np.ceil(np.log2(len(one) + len(other))))
    product = np.fft.irfft(np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size)), size)
    best = int(np.argmax(np.abs(product)))
    return (best - size if best > size // 2 else best) / SR


@pytest.mark.usefixtures("store")
def test_after_a_crash_the_same_sound_goes_on_as_if_nobody_had_died(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Life(box, monkeypatch, "first")
    first.live(20)
    seats = first.seats()
    box.clock.advance(3.4)
    second = Life(box, monkeypatch, "second")
    would_be = first.engine.render(round(9.4 * SR))[round(3.4 * SR) :]
    is_now = second.live(6)
    assert second.seats() == seats
    after = slice(2 * SR, 5 * SR)
    assert abs(lag_s(is_now[after, 0], would_be[after, 0])) < 0.02
    assert np.abs(is_now).max() < 1.2 * np.abs(would_be).max(), "never louder than before"
    loudness = np.sqrt(np.square(is_now[:, 0]).reshape(-1, SR // 10).mean(axis=1))
    assert loudness[0] < 0.5 * loudness[15], "from start volume up"
    assert loudness[10:15].min() > 0.7 * loudness[15:].mean(), "within a second"


@pytest.mark.usefixtures("store")
def test_it_is_the_same_scene_in_the_log_and_keeps_its_stays(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Life(box, monkeypatch, "first")
    first.live(5)
    since = {seat.song_id: seat.since_s for seat in first.player.director.memory.sounding}
    scene = box.runtime.read("player")["scene_id"]
    second = Life(box, monkeypatch, "second")
    second.live(1)
    assert box.runtime.read("player")["scene_id"] == scene
    again = {seat.song_id: seat.since_s for seat in second.player.director.memory.sounding}
    assert again == pytest.approx(since, abs=0.01)


def forget(box: Box) -> None:
    (box.folder / "run" / "player.json").unlink()


def garble(box: Box) -> None:
    (box.folder / "run" / "player.json").write_text('{"boot_s": "soon", "strips": 3, "scene_id": 1}')


def wait(box: Box) -> None:
    box.clock.advance(601)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("spoil", [forget, garble, wait])
def test_without_a_recent_sign_of_life_it_begins_anew(box: Box, monkeypatch: pytest.MonkeyPatch, spoil: Any) -> None:
    Life(box, monkeypatch, "first").live(5)
    spoil(box)
    second = Life(box, monkeypatch, "second")
    second.live(0.2)
    assert second.seats(), "it plays"
    assert second.engine.status().strips[0].position_frame < SR


def rebooted(box: Box, monkeypatch: pytest.MonkeyPatch) -> Life:
    """The next life, after one that took the runtime directory and the clock with it."""
    shutil.rmtree(box.folder / "run")
    box.reboot()
    return Life(box, monkeypatch, "second")


@pytest.mark.usefixtures("store")
def test_after_a_reboot_the_same_scene_goes_on_where_it_stood(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Life(box, monkeypatch, "first")
    first.live(20)
    seats, scene = first.seats(), box.runtime.read("player")["scene_id"]
    since = {seat.song_id: box.clock.boot_s() - seat.since_s for seat in first.player.director.memory.sounding}
    first.player.close()
    would_be = first.engine.render(6 * SR)
    second = rebooted(box, monkeypatch)
    age = {seat.song_id: box.clock.boot_s() - seat.since_s for seat in second.player.director.memory.sounding}
    is_now = second.live(6)
    assert second.seats() == seats
    after = slice(2 * SR, 5 * SR)
    assert abs(lag_s(is_now[after, 0], would_be[after, 0])) < 0.1
    assert age == pytest.approx(since, abs=0.2), "each layer's stay goes on too"
    loudness = np.sqrt(np.square(is_now[:, 0]).reshape(-1, SR // 10).mean(axis=1))
    assert loudness[0] < 0.5 * loudness[15], "from start volume up"
    row = second.player.store.scenes.latest()
    assert row is not None
    assert (row.boot_id, row.id == scene) == (box.clock.boot_id, False), "the log of this boot begins with it"


@pytest.mark.usefixtures("store")
def test_after_a_power_cut_it_goes_on_from_the_last_bookmark(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.player.Bookmark", partial(Bookmark, every_s=4.0))
    Life(box, monkeypatch, "first").live(10)
    laid = Bookmark(box.config().box_data_dir).read()
    second = rebooted(box, monkeypatch)
    second.live(0.1)
    stood = [strip["position_frame"] for strip in laid["strips"] if strip]
    again = [strip.position_frame for strip in second.engine.status().strips if strip.song_id]
    assert box.clock.boot_s() < laid["boot_s"], "laid some seconds before the cut"
    moved = {now - then for then, now in zip(stood, again, strict=True)}
    assert len(moved) == 1, "all layers stand as they stood to one another"
    assert 0 <= moved.pop() < SR


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("bookmark", [None, {}, {"boot_id": "another", "boot_s": 1, "strips": []}])
def test_without_a_bookmark_the_last_scene_of_the_log_returns_from_its_beginning(
    box: Box, monkeypatch: pytest.MonkeyPatch, bookmark: dict[str, object] | None
) -> None:
    first = Life(box, monkeypatch, "first")
    first.live(5)
    first.player.store.scenes.write_down()
    place = box.config().box_data_dir / "bookmark"
    place.unlink(missing_ok=True)
    if bookmark is not None:
        Slots(place).write(bookmark)
    second = rebooted(box, monkeypatch)
    second.live(0.2)
    assert second.seats() == first.seats()
    assert second.engine.status().strips[0].position_frame < SR


@pytest.mark.usefixtures("store")
def test_a_bookmark_that_makes_no_sense_is_no_reason_for_silence(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    Life(box, monkeypatch, "first").live(5)
    odd = {"boot_id": "b", "boot_s": [], "strips": 3, "scene_id": 4, "layers": [{"strip": "x"}]}
    Slots(box.config().box_data_dir / "bookmark").write(odd)
    second = rebooted(box, monkeypatch)
    second.live(0.2)
    assert second.seats()


def test_a_bookmark_is_laid_rarely_and_never_fails(tmp_path: Path) -> None:
    state = {"scene_id": "s", "boot_s": 1.0, "strips": [], "engine": {}}
    bookmark = Bookmark(tmp_path / "data")
    (tmp_path / "data").touch()
    bookmark.lay(state, [], boot_id="boot", now_s=0.0)
    assert bookmark.read() == {}
    assert not bookmark.is_due(BOOKMARK_EVERY_S - 1)
    assert bookmark.is_due(BOOKMARK_EVERY_S)
    assert bookmark.is_due(BESIDE_S, beside=True)
    assert not bookmark.is_due(BESIDE_S - 1, beside=True)
    (tmp_path / "data").unlink()
    bookmark.lay(state, [{"strip": 3}], boot_id="boot", now_s=BOOKMARK_EVERY_S)
    kept = {"boot_id": "boot", "scene_id": "s", "boot_s": 1.0, "strips": [], "layers": [{"strip": 3}]}
    assert bookmark.read() == kept


@pytest.mark.usefixtures("store")
def test_a_scene_that_the_log_knows_and_the_bookmark_does_not_returns(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Life(box, monkeypatch, "first")
    first.live(5)
    laid = Bookmark(box.config().box_data_dir).read()
    kept, gone = laid["layers"][:-1], laid["layers"][-1]
    later = first.player.store.scenes.record(kept, taps_seen=0, cause={})
    first.player.store.scenes.write_down()
    box.reboot()
    found = interrupted(box.store("second"), {}, laid)
    assert found is not None
    assert (found.scene_id, found.rebooted) == (later, True)
    assert gone["song_id"] not in {seat.song_id for seat in found.memory.sounding}
    first_seat = (kept[0]["strip"], kept[0]["song_id"])
    assert found.positions[first_seat] == laid["strips"][kept[0]["strip"]]["position_frame"]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("spoil", [Path.unlink, partial(os.truncate, length=100_000)])
def test_a_cache_file_that_vanished_or_was_cut_short_gives_its_place_away(
    box: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spoil: Any
) -> None:
    spoil(tmp_path / "1.pcm")
    life = Life(box, monkeypatch, "first")
    life.live(2.5)
    assert uid(1) not in [layer.song_id for layer in life.player.director.memory.sounding]
    assert life.engine.status().missing_files == 0
    assert life.player.store.library.song(uid(1)).pcm_path is None  # type: ignore[union-attr]
