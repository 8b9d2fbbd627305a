from __future__ import annotations

from pathlib import Path

import pytest
from sync_fake_cloud import FakeCloud, song_id

from appliance.clock import ManualClock
from appliance.model import Rule
from appliance.store import Store
from mixer.scene import SongId
from sync.cache import Limits, limits_for, make_room, may_fetch_more, may_prepare_more
from sync.media import Choice
from sync.pull import pull_once

NAMES = ("bird", "fire", "rain", "sea", "wind")
ROOMY = Limits(files=100, prepared=100, prepared_bytes=1 << 30)


@pytest.fixture
def full(store: Store, fake: FakeCloud, tmp_path: Path) -> Path:
    """Five songs, fetched and prepared, 100 bytes each."""
    for name in NAMES:
        fake.put_song(name)
    pull_once(store, fake.cloud())
    for name in NAMES:
        for suffix, note in (("flac", store.library.set_media), ("pcm", store.library.set_ready)):
            path = tmp_path / f"{name}.{suffix}"
            path.write_bytes(b"x" * 100)
            note(song_id(name), path)
    return tmp_path


def ready(store: Store) -> set[str]:
    return {song.title for song in store.library.ready()}


def hear(store: Store, clock: ManualClock, *names: str) -> None:
    for name in names:
        clock.advance(60)
        store.scenes.begin_play(song_id(name), 10.0)


def test_within_its_limits_nothing_goes(store: Store, full: Path) -> None:
    assert make_room(store, ROOMY, set()) == 0
    assert may_fetch_more(store, ROOMY) and may_prepare_more(store, ROOMY)


def test_the_longest_unheard_go_first(store: Store, full: Path, clock: ManualClock) -> None:
    hear(store, clock, "wind", "sea", "bird", "rain", "fire")
    assert make_room(store, Limits(100, 3, 1 << 30), set()) == 2
    assert ready(store) == {"bird", "rain", "fire"}
    assert not (full / "wind.pcm").exists() and (full / "wind.flac").exists()


def test_bytes_count_too(store: Store, full: Path, clock: ManualClock) -> None:
    hear(store, clock, *NAMES)
    limits = Limits(100, 100, 250)
    assert make_room(store, limits, set()) == 3
    assert ready(store) == {"sea", "wind"}
    assert may_prepare_more(store, limits) and not may_prepare_more(store, Limits(100, 100, 220))


def test_what_sounds_is_queued_or_pinned_never_goes(store: Store, full: Path) -> None:
    store.room.replace_queue([song_id("bird")], rev="1")
    store.room.set_rule(Rule(SongId(song_id("fire")), "pin"))
    make_room(store, Limits(0, 0, 0), {song_id("rain")})
    assert ready(store) == {"bird", "fire", "rain"}
    assert all((full / f"{name}.flac").exists() for name in ("bird", "fire", "rain"))


def test_a_file_that_two_songs_share_stays_while_one_is_called_for(store: Store, full: Path) -> None:
    store.library.set_ready(song_id("wind"), full / "bird.pcm")
    store.room.replace_queue([song_id("bird")], rev="1")
    make_room(store, Limits(100, 0, 0), set())
    assert ready(store) == {"bird"} and (full / "bird.pcm").exists()


def test_beyond_the_limits_only_what_is_called_for_is_fetched(store: Store, fake: FakeCloud) -> None:
    for name in NAMES:
        fake.put_song(name)
    pull_once(store, fake.cloud())
    store.room.replace_queue([song_id("sea"), song_id("fire")], rev="1")
    store.room.set_rule(Rule(SongId(song_id("wind")), "place", place=1))
    assert [song.title for song in Choice(store).wanted(64, called_for=True)] == ["sea", "fire", "wind"]
    assert len(Choice(store).wanted(64)) == 5 and len(Choice(store).wanted(2)) == 2


def test_the_limits_follow_the_disk(tmp_path: Path) -> None:
    limits = limits_for(tmp_path / "pcm")
    assert 0 < limits.prepared_bytes <= 8 << 30
