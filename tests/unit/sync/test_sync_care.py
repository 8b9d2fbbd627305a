"""Files that changed on the card: found, made anew or fetched again, and never taken from what sounds."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
from sync_fake_cloud import FakeCloud, song_id

from appliance.clock import ManualClock
from appliance.decoding import Outcome
from appliance.model import LOCAL, Song
from appliance.store import Store
from mixer.pcm import HEADER_BYTES, PcmInfo, check_samples, open_pcm, write_pcm
from sync.care import AGAIN_S, PUT_OFF_S, Care
from sync.idle_disk import _GET, _IDLE, _OUR_THREAD, idle_disk
from sync.prepare import prepare_again
from sync.pull import pull_once

NAMES = ("fire", "rain", "wind")
FRAMES = 100_000


def decode(source: Path, target: Path) -> Outcome:
    """Any file becomes the same sound."""
    info = PcmInfo(2, FRAMES, 1e-4, -20.0, -1.0)
    write_pcm(target, [np.full((2, FRAMES), 0.5, np.float32)], info)
    return Outcome("done")


@pytest.fixture
def sounding() -> set[str]:
    return set()


@pytest.fixture
def care(sounding: set[str]) -> Care:
    return Care(lambda store, song: prepare_again(store, song, decode), lambda store: sounding)


@pytest.fixture
def full(store: Store, fake: FakeCloud, tmp_path: Path) -> Store:
    """Three songs, fetched and prepared."""
    for name in NAMES:
        fake.put_song(name)
    pull_once(store, fake.cloud())
    for name in NAMES:
        original, cache = tmp_path / f"{name}.flac", tmp_path / f"{name}.pcm"
        original.write_bytes(name.encode())
        decode(original, cache)
        store.library.set_media(song_id(name), original)
        store.library.set_ready(song_id(name), cache)
    return store


def look_at_all(care: Care, store: Store, clock: ManualClock) -> None:
    for _ in range(30):
        care.step(store)
        clock.advance(1.0)


def spoil(path: str | None) -> Path:
    """A bit of the last sample."""
    file = Path(str(path))
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    file.write_bytes(raw)
    return file


def song(store: Store, name: str) -> Song:
    found = store.library.song(song_id(name))
    assert found is not None
    return found


def test_where_all_is_well_nothing_is_touched(full: Store, care: Care, clock: ManualClock, tmp_path: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in tmp_path.glob("*.*")}
    look_at_all(care, full, clock)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.glob("*.*")} == before
    assert full.library.damaged_count() == 0


def test_a_cache_file_is_made_anew_and_whoever_plays_the_old_one_goes_on(
    full: Store, care: Care, clock: ManualClock, sounding: set[str]
) -> None:
    sounding.add(song_id("rain"))
    file = spoil(song(full, "rain").pcm_path)
    playing = open_pcm(file)
    heard = playing.samples.copy()
    look_at_all(care, full, clock)
    assert list(check_samples(file)) and song(full, "rain").ready
    assert (playing.samples == heard).all()
    assert full.library.damaged_count() == 1


def test_an_original_is_given_up_and_its_song_goes_on_playing(full: Store, care: Care, clock: ManualClock) -> None:
    file = spoil(song(full, "wind").media_path)
    look_at_all(care, full, clock)
    assert song(full, "wind").ready and song(full, "wind").media_path is None and not file.exists()
    assert full.library.damaged_count() == 1


def test_without_a_sound_original_the_song_is_fetched_again(full: Store, care: Care, clock: ManualClock) -> None:
    files = [spoil(song(full, "fire").pcm_path), spoil(song(full, "fire").media_path)]
    look_at_all(care, full, clock)
    assert [wanted.title for wanted in full.library.unprepared(9, fetched=False)] == ["fire"]
    assert not any(file.exists() for file in files)
    assert full.library.damaged_count() == 2


def test_what_sounds_and_cannot_be_made_anew_is_given_up_when_it_has_ended(
    full: Store, care: Care, clock: ManualClock, sounding: set[str]
) -> None:
    sounding.add(song_id("rain"))
    full.library.set_media(song_id("rain"), None)
    spoil(song(full, "rain").pcm_path)
    look_at_all(care, full, clock)
    assert song(full, "rain").ready
    sounding.clear()
    clock.advance(PUT_OFF_S)
    look_at_all(care, full, clock)
    assert [wanted.title for wanted in full.library.unprepared(9, fetched=False)] == ["rain"]


def test_a_file_that_two_songs_share_is_given_up_for_both(
    full: Store, care: Care, clock: ManualClock, fake: FakeCloud
) -> None:
    fake.put_song("again", sha256=song(full, "rain").sha256)
    pull_once(full, fake.cloud())
    full.library.set_ready(song_id("again"), Path(str(song(full, "rain").pcm_path)))
    full.library.set_media(song_id("rain"), None)
    spoil(song(full, "rain").pcm_path)
    look_at_all(care, full, clock)
    assert not song(full, "rain").ready and not song(full, "again").ready


def test_a_file_that_a_person_put_here_is_kept_and_they_are_told(
    full: Store, care: Care, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    with full.db.write() as conn:
        conn.execute(f"update songs set file_url = '{LOCAL}rain.flac' where id = ?", (song_id("rain"),))
    file = spoil(song(full, "rain").media_path)
    look_at_all(care, full, clock)
    assert file.exists() and song(full, "rain").media_path == str(file)
    assert "add it again" in caplog.text


def test_the_damage_of_a_file_that_stays_is_said_and_counted_once(
    full: Store, care: Care, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    with full.db.write() as conn:
        conn.execute(f"update songs set file_url = '{LOCAL}rain.flac' where id = ?", (song_id("rain"),))
    spoil(song(full, "rain").media_path)
    for _ in range(3):
        look_at_all(care, full, clock)
        clock.advance(AGAIN_S)
    assert (full.library.damaged_count(), caplog.text.count("add it again")) == (1, 1)


def test_a_file_of_an_earlier_version_is_made_anew_and_is_no_damage(
    full: Store, care: Care, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(str(song(full, "rain").pcm_path))
    raw = file.read_bytes()
    header = raw[:HEADER_BYTES].replace(b'"version": 2', b'"version": 1')
    header = header[: header.index(b', "sums"')] + b"}"
    file.write_bytes(header.ljust(HEADER_BYTES, b"\0") + raw[HEADER_BYTES:])
    assert open_pcm(file).info.sums == ()
    look_at_all(care, full, clock)
    assert open_pcm(file).info.sums and full.library.damaged_count() == 0


def test_each_file_is_looked_at_once_a_day(full: Store, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    monkeypatch.setattr("sync.care.check_samples", lambda path: looked.append(Path(path).name) or iter(()))
    monkeypatch.setattr("sync.care.check_file", lambda path, sha256: looked.append(path.name) or iter(()))
    care = Care(lambda store, song: False, lambda store: set())
    look_at_all(care, full, clock)
    everything = sorted(f"{name}.{kind}" for name in NAMES for kind in ("flac", "pcm"))
    assert sorted(looked) == everything
    clock.advance(AGAIN_S)
    look_at_all(care, full, clock)
    assert sorted(looked) == sorted(2 * everything)


def test_a_large_file_is_read_a_megabyte_a_second(
    full: Store, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = iter(range(10))
    monkeypatch.setattr("sync.care.check_samples", lambda path: steps)
    monkeypatch.setattr("sync.care.check_file", lambda path, sha256: iter(()))
    care = Care(lambda store, song: False, lambda store: set())
    for _ in range(4):
        care.step(full)
        care.step(full)
        clock.advance(1.0)
    assert next(steps) == 4


def test_a_file_that_is_given_up_meanwhile_is_no_damage(full: Store, care: Care, clock: ManualClock) -> None:
    Path(str(song(full, "rain").pcm_path)).unlink()
    Path(str(song(full, "rain").media_path)).unlink()
    look_at_all(care, full, clock)
    assert full.library.damaged_count() == 0


def test_reading_comes_last_of_all_and_only_there() -> None:
    def priority() -> int:
        return int(ctypes.CDLL(None).syscall(_GET, *_OUR_THREAD))

    before = priority()
    with idle_disk():
        assert priority() == _IDLE
    assert priority() == before
