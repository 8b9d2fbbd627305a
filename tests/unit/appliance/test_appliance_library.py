from __future__ import annotations

from pathlib import Path

import pytest

from appliance.clock import ManualClock
from appliance.model import NEUTRAL
from appliance.store import Store
from tests.factories import put, put_songs, song_row, uid


def ids(songs: object) -> list[int]:
    return [int(song.id.replace("-", ""), 16) for song in songs]  # type: ignore[attr-defined]


def restrict(store: Store, *numbers: int) -> None:
    rows = [put("player_library", uid(number), {"song_id": uid(number)}) for number in numbers]
    store.bucket.apply(rows, epoch="e", rev=99)


def test_a_large_library_comes_in_pages_whole_and_in_order(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put_songs(store, *(song_row(number) for number in range(1200, 0, -1)), ready=False)
    sizes: list[int] = []
    rows = store.db.rows

    def counting(sql: str, *args: object) -> list[object]:
        found = rows(sql, *args)
        sizes.append(len(found))
        return found  # type: ignore[return-value]

    monkeypatch.setattr(store.db, "rows", counting)
    assert ids(store.library.songs()) == list(range(1, 1201))
    assert sizes == [500, 500, 200], "no single read may hold the player's interpreter for long"
    assert store.library.count() == 1200


@pytest.mark.parametrize(
    "torn", ["[1,0, 0.0, 0.0, 0.0, 0.0]", "[1.0, 0.0]", "7", '[1.0, "x", 0, 0, 0]', "[1.0, 0.0", "[1e999, 0, 0, 0, 0]"]
)
def test_a_song_whose_tags_a_damaged_card_tore_is_neutral(store: Store, torn: str) -> None:
    put_songs(store, song_row(1))
    with store.db.write() as conn:
        conn.execute("update songs set embedding = ?", (torn,))
    assert [song.embedding for song in store.library.songs()] == [NEUTRAL]


def test_a_room_with_a_library_of_its_own_plays_nothing_else(store: Store) -> None:
    put_songs(store, *(song_row(number) for number in range(1, 6)))
    assert ids(store.library.ready()) == [1, 2, 3, 4, 5]
    restrict(store, 2, 4, 77)
    assert ids(store.library.ready()) == ids(store.library.songs()) == [2, 4]


def test_only_what_is_on_the_disk_is_ready(store: Store) -> None:
    put_songs(store, song_row(1), song_row(2), ready=False)
    store.library.set_media(uid(1), Path("/media/1"))
    assert (ids(store.library.ready()), store.library.ready_count()) == ([], 0)
    store.library.set_ready(uid(1), Path("/pcm/1.pcm"))
    assert (ids(store.library.ready()), store.library.ready_count()) == ([1], 1)
    assert ids(store.library.with_files()) == [1]
    store.library.set_ready(uid(1), None)
    store.library.set_media(uid(1), None)
    assert ids(store.library.with_files()) == []


def test_what_is_queued_is_prepared_first(store: Store) -> None:
    put_songs(store, *(song_row(number) for number in range(1, 8)), ready=False)
    store.room.replace_queue([uid(5), uid(3)], rev="r")
    store.library.set_ready(uid(1), Path("/pcm/1.pcm"))
    store.library.set_refused(uid(2), "silent")
    assert ids(store.library.unprepared(10)) == [5, 3, 4, 6, 7]
    assert ids(store.library.unprepared(2)) == [5, 3]
    store.library.set_media(uid(3), Path("/media/3"))
    store.library.set_media(uid(6), Path("/media/6"))
    assert ids(store.library.unprepared(10, fetched=True)) == [3, 6]
    assert ids(store.library.unprepared(10, fetched=False)) == [5, 4, 7]


def test_a_song_without_a_file_in_the_cloud_is_not_waited_for(store: Store) -> None:
    put_songs(store, song_row(1, sha256=""), song_row(2), ready=False)
    assert ids(store.library.unprepared(10)) == [2]


def test_tries_are_counted_by_content_and_by_how_they_ended(store: Store) -> None:
    library = store.library
    assert [library.count_try("a", "begun"), library.count_try("a", "begun"), library.count_try("b", "begun")] == [
        1,
        2,
        1,
    ]
    assert library.count_try("a", "failed") == 1
    library.forget_tries("a", "begun")
    assert [library.count_try("a", "begun"), library.count_try("a", "failed")] == [1, 2]


def test_a_file_that_is_given_up_is_named_by_no_row(store: Store) -> None:
    put_songs(store, song_row(1), song_row(2), song_row(3), ready=False)
    for number in (1, 2):
        store.library.set_ready(uid(number), Path("/pcm/same"))
    store.library.set_ready(uid(3), Path("/pcm/other"))
    assert store.library.named_files() == [(uid(3), "/pcm/other"), (uid(1), "/pcm/same")]
    store.library.give_up_file(Path("/pcm/same"))
    assert [song.pcm_path for song in store.library.ready()] == ["/pcm/other"]


def test_hours_since_a_song_last_began(store: Store, clock: ManualClock) -> None:
    store.scenes.begin_play(uid(1), 10.0)
    clock.advance(3590)
    store.scenes.begin_play(uid(2), 10.0)
    clock.advance(3600)
    hours = store.library.hours_since_play(clock.wall)
    assert hours == {uid(1): pytest.approx(2.0), uid(2): pytest.approx(1 + 10 / 3600)}
    assert set(store.library.hours_since_play(0.0).values()) == {0.0}, "a clock set back makes no negative hours"


def test_a_song_that_is_not_here_is_none(store: Store) -> None:
    assert store.library.song(uid(404)) is None
    assert list(store.library.songs()) == []
