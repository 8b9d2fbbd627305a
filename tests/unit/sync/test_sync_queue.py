from __future__ import annotations

import httpx
import pytest
from sync_fake_cloud import FakeCloud, song_id

from appliance.clock import ManualClock
from appliance.store import Store
from sync.errors import NotTheCloud
from sync.queue import queue_once


def songs(store: Store) -> list[str]:
    return [str(entry.song_id) for entry in store.room.queue().entries]


def test_a_new_queue_replaces_the_old_one_whole(store: Store, fake: FakeCloud) -> None:
    fake.set_queue("rain", "wind")
    assert queue_once(store, fake.cloud())
    assert songs(store) == [song_id("rain"), song_id("wind")]
    fake.set_queue("fire")
    assert queue_once(store, fake.cloud(), wait_s=20)
    assert songs(store) == [song_id("fire")]
    assert fake.requests[-1].url.params["wait"] == "20.0"


def test_positions_are_the_order_not_the_place_in_the_answer(store: Store, fake: FakeCloud) -> None:
    rows = [
        {"id": song_id(name), "title": name, "file_url": "", "type": "soundscape", "position": place}
        for name, place in (("wind", 7), ("rain", 2))
    ]
    queue_once(store, fake.cloud(lambda _: httpx.Response(200, json={"success": True, "songs": rows})))
    assert songs(store) == [song_id("rain"), song_id("wind")]


def test_what_still_holds_is_young_again_without_a_write_to_the_card(
    store: Store, fake: FakeCloud, clock: ManualClock
) -> None:
    fake.set_queue("rain")
    queue_once(store, fake.cloud())
    clock.advance(40)
    written = store.db.conn.total_changes
    assert not queue_once(store, fake.cloud())
    assert (store.room.queue().age_s, store.db.conn.total_changes) == (0, written)


def test_the_same_list_under_a_new_name_is_asked_for_by_that_name(store: Store, fake: FakeCloud) -> None:
    fake.set_queue("rain")
    queue_once(store, fake.cloud())
    fake.set_queue("rain")
    written = store.db.conn.total_changes
    assert not queue_once(store, fake.cloud())
    assert store.db.conn.total_changes == written
    queue_once(store, fake.cloud())
    assert fake.requests[-1].headers["if-none-match"] == fake.queue_etag


def test_after_thinking_for_itself_the_box_asks_for_the_whole_queue_at_once(store: Store, fake: FakeCloud) -> None:
    fake.set_queue("rain")
    queue_once(store, fake.cloud())
    store.room.replace_queue([song_id("fire")], rev="local", source="local")
    assert queue_once(store, fake.cloud(), wait_s=25)
    assert songs(store) == [song_id("rain")]
    assert "wait" not in fake.requests[-1].url.params and "if-none-match" not in fake.requests[-1].headers


def test_a_queue_of_another_boot_is_confirmed_at_once(store: Store, fake: FakeCloud, clock: ManualClock) -> None:
    fake.set_queue("rain")
    queue_once(store, fake.cloud())
    clock.boot_id = "next boot"
    clock.boot = 3.0
    assert store.room.queue().age_s == float("inf")
    queue_once(store, fake.cloud())
    assert store.room.queue().age_s == 0


def test_a_cloud_that_says_no_is_not_believed_to_have_an_empty_queue(store: Store, fake: FakeCloud) -> None:
    fake.set_queue("rain")
    queue_once(store, fake.cloud())
    with pytest.raises(NotTheCloud, match="not today"):
        queue_once(store, fake.cloud(lambda _: httpx.Response(200, json={"success": False, "error": "not today"})))
    assert songs(store) == [song_id("rain")]
