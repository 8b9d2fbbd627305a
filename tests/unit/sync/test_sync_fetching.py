from __future__ import annotations

import threading
from pathlib import Path
from random import Random

import httpx
import pytest
from sync_fake_cloud import FakeCloud, song_id

from appliance.clock import ManualClock
from appliance.house import HouseChoice
from appliance.model import Rule
from appliance.store import Store
from mixer.scene import SongId
from sync import cache
from sync import media as media_module
from sync.client import Cloud
from sync.errands import Errands
from sync.errors import LinkDown, MediaError, NoSpace
from sync.fetching import MediaLoop
from sync.link import Link
from sync.media import Choice
from sync.pull import pull_once
from sync.throttle import Throttle


@pytest.fixture
def link(clock: ManualClock) -> Link:
    return Link(clock, Random(1))


def media_loop(cloud: Cloud, folder: Path, link: Link, clock: ManualClock, errands: Errands | None = None) -> MediaLoop:
    return MediaLoop(cloud, folder, link, errands or Errands(clock, Random(1)), Throttle(clock), lambda _: set())


def titles(store: Store) -> list[str]:
    return sorted(song.title for song in store.library.with_files())


def test_a_file_that_cannot_be_had_holds_up_no_other(
    store: Store, fake: FakeCloud, tmp_path: Path, link: Link, clock: ManualClock
) -> None:
    for name in ("rain", "wind"):
        fake.put_song(name)
    missing = fake.put_song("missing")
    del fake.files[missing["sha256"]]
    pull_once(store, fake.cloud())
    store.room.replace_queue([song_id("missing"), song_id("wind")], rev="1")
    link.worked()
    loop = media_loop(fake.cloud(), tmp_path / "media", link, clock)
    with pytest.raises(MediaError):
        loop.step(store)
    loop.step(store)
    loop.step(store)
    assert [song.title for song in store.library.with_files()] == sorted(["rain", "wind"], key=song_id)
    fake.files[missing["sha256"]] = b"missing"
    clock.advance(60)
    loop.step(store)
    assert len(store.library.with_files()) == 3


def test_while_the_link_is_away_no_file_is_blamed(
    store: Store, fake: FakeCloud, tmp_path: Path, link: Link, clock: ManualClock
) -> None:
    fake.put_song("rain")
    pull_once(store, fake.cloud())

    def cut(request: httpx.Request) -> None:
        raise httpx.ConnectError("cut")

    link.worked()
    link.failed(LinkDown("cut"))
    loop = media_loop(fake.cloud(cut), tmp_path / "media", link, clock)
    for _ in range(3):
        with pytest.raises(LinkDown):
            loop.step(store)
    loop._cloud = fake.cloud()
    loop.step(store)
    assert len(store.library.with_files()) == 1


def test_two_fetch_two_files_at_once_and_never_the_same(
    store: Store, fake: FakeCloud, tmp_path: Path, link: Link, clock: ManualClock
) -> None:
    for name in ("rain", "wind", "fire"):
        fake.put_song(name)
    pull_once(store, fake.cloud())
    errands, other_loop = Errands(clock, Random(1)), threading.Event()
    asked: list[str] = []

    def answer(request: httpx.Request) -> None:
        """While the first file is on its way, the second loop fetches another."""
        asked.append(request.url.path)
        if len(asked) == 1:
            second.step(store)
            other_loop.set()

    first = media_loop(fake.cloud(answer), tmp_path / "media", link, clock, errands)
    second = media_loop(fake.cloud(answer), tmp_path / "media", link, clock, errands)
    first.step(store)
    assert other_loop.is_set()
    assert len(asked) == len(set(asked)) == len(store.library.with_files()) == 2
    assert (errands.spoken_for, errands.bytes_here) == (0, 0)


def test_what_is_called_for_comes_first_and_then_what_the_house_would_play(store: Store, fake: FakeCloud) -> None:
    loud = {"storm": [0, 0, 1, 0, 0], "sea": [0, 1, 0, 0, 0], "hut": [0.5, 0.6, 0.1, 0.4, 0.4]}
    for name, embedding in loud.items():
        fake.put_song(name, embedding=embedding, embedding_source="hand")
    fake.put_song("tune", type="instrumental")
    pull_once(store, fake.cloud())
    store.room.replace_queue([song_id("storm")], rev="1")
    choice = Choice(store)
    assert [song.title for song in choice.wanted(9)][:2] == ["storm", "hut"]
    assert {song.title for song in choice.wanted(9)} == {"storm", "hut", "sea", "tune"}
    assert [song.title for song in choice.wanted(9, called_for=True)] == ["storm"]
    store.library.set_media(song_id("hut"), Path("/m/hut"))
    assert [song.title for song in choice.wanted(1)] == ["storm"] and len(choice.wanted(9)) == 3


def test_the_house_ranks_again_when_the_room_gets_another_taste(store: Store, fake: FakeCloud) -> None:
    assert HouseChoice(store).order() == ()
    for name, embedding in (("storm", [0, 0, 1, 0, 0]), ("sea", [0, 1, 0, 0, 0])):
        fake.put_song(name, embedding=embedding, embedding_source="hand")
    pull_once(store, fake.cloud())
    choice = HouseChoice(store)
    assert choice.order()[0] == song_id("sea")
    fake.put("settings", "house_taste", {"key": "house_taste", "value": [0, 0, 1, 0, 0]})
    pull_once(store, fake.cloud())
    assert choice.order()[0] == song_id("storm")


def test_on_a_full_disk_what_is_called_for_takes_the_place_of_the_longest_unheard(
    store: Store, fake: FakeCloud, tmp_path: Path, link: Link, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("old", "sounding", "pinned", "next", "wish"):
        fake.put_song(name)
    pull_once(store, fake.cloud())
    store.room.set_rule(Rule(SongId(song_id("pinned")), "pin"))
    for name in ("old", "sounding", "pinned"):
        file = tmp_path / name
        file.write_bytes(b"x" * 100)
        store.library.set_media(song_id(name), file)

    def full(folder: Path, need_bytes: int) -> None:
        if (tmp_path / "old").exists():
            raise NoSpace("full")

    monkeypatch.setattr(media_module, "check_space", full)
    loop = MediaLoop(
        fake.cloud(), tmp_path / "media", link, Errands(clock, Random(1)), Throttle(clock),
        lambda _: {song_id("sounding")},
    )  # fmt: skip
    with pytest.raises(NoSpace):
        loop.step(store)  # nobody calls for these two: nothing goes for them
    clock.advance(60)
    store.room.replace_queue([song_id("next")], rev="1")
    loop.step(store)
    loop.step(store)
    assert titles(store) == ["next", "pinned", "sounding"]
    assert not (tmp_path / "old").exists()


def test_what_a_person_put_here_is_never_given_up(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_bytes(b"x" * 100)
    row = {"id": song_id("mine"), "title": "mine", "type": "soundscape", "file_url": "local:mine", "sha256": "a" * 64,
           "media_path": str(file), "pcm_path": str(file)}  # fmt: skip
    store.db.tables["songs"].insert(row)
    assert cache.make_way(store, 1, set()) == 0 and file.exists()


def test_a_library_that_is_still_coming_is_not_ranked_page_by_page(store: Store, fake: FakeCloud) -> None:
    fake.put_song("rain")
    pull_once(store, fake.cloud())
    choice = HouseChoice(store)
    before = choice.order()
    store.bucket.begin_reset(epoch="e2", rev=9)
    fake.put_song("wind")
    pull_once(store, fake.cloud())
    assert len(choice.order()) == 2
    store.bucket.begin_reset(epoch="e3", rev=9)
    store.db.tables["songs"].delete_where()
    assert (len(before), len(choice.order())) == (1, 2)
