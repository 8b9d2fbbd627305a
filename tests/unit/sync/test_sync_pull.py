from __future__ import annotations

import json
import logging
from typing import Any

import httpx
import pytest
from sync_fake_cloud import FakeCloud, song_id, song_row

from appliance.clock import ManualClock
from appliance.model import Rule
from appliance.store import Store
from mixer.scene import SongId
from sync.errors import LinkDown
from sync.pull import pull_once
from sync.push import push_once

PROFILE = "11111111-1111-4111-8111-111111111111"


def titles(store: Store) -> list[str]:
    return sorted(song.title for song in store.library.songs())


def in_step(store: Store, fake: FakeCloud) -> bool:
    return f"{store.bucket.cursor().digest:016x}" == fake.digest()


def test_the_first_pull_brings_the_whole_bucket_and_the_next_what_changed(store: Store, fake: FakeCloud) -> None:
    fake.put_song("rain")
    fake.put_song("wind")
    first = pull_once(store, fake.cloud())
    assert (first.resets, titles(store)) == (1, ["rain", "wind"])
    fake.put_song("fire")
    fake.put("songs", song_id("rain"), None)
    second = pull_once(store, fake.cloud())
    assert (second.resets, second.changes, titles(store)) == (0, 2, ["fire", "wind"])
    assert in_step(store, fake)


def test_every_table_finds_its_place(store: Store, fake: FakeCloud, clock: ManualClock) -> None:
    rain = fake.put_song("rain", embedding=[0.1, 0.2, 0.3, 0.4, 0.5], embedding_source="model")["id"]
    profile = {"id": PROFILE, "display_name": "Heron", "preference_vector": [1.0, 0, 0, 0, 0], "taste_rev": 3}
    fake.put("profiles", PROFILE, profile)
    fake.put("tags", "k" * 32, {"key_hash": "k" * 32, "profile_id": PROFILE})
    now_s = fake.now_s  # this box's clock is three years behind
    stay = {"id": song_id("stay"), "user_id": PROFILE, "checked_in_at": now_s, "expires_at": now_s + 600,
            "status": "active"}  # fmt: skip
    fake.put("sessions", stay["id"], stay)
    fake.put("queue_rules", f"{rain}/pin", {"song_id": rain, "kind": "pin", "until_s": now_s + 60})
    fake.put("settings", "volume", {"key": "volume", "value": {"max": 3}})
    fake.put("player_library", rain, {"song_id": rain})
    pull_once(store, fake.cloud())
    assert store.library.songs().__next__().embedding == (0.1, 0.2, 0.3, 0.4, 0.5)
    (person,) = store.people.present()
    assert (person.listener.display_name, person.remaining_s) == ("Heron", pytest.approx(600))
    clock.set_wall(now_s + 3e8)  # and is then set, wrongly
    clock.advance(59)
    assert [rule.kind for rule in store.room.rules()] == ["pin"]
    clock.advance(2)
    assert store.room.rules() == []
    assert store.room.setting("volume") == {"max": 3}
    assert in_step(store, fake)


@pytest.mark.parametrize("page", [1, 2, 7])
def test_many_pages_are_one_bucket(store: Store, fake: FakeCloud, page: int) -> None:
    fake.page = page
    for number in range(10):
        fake.put_song(f"song {number}")
    report = pull_once(store, fake.cloud())
    assert (report.resets, store.library.count(), in_step(store, fake)) == (1, 10, True)
    for number in range(5):
        fake.put("songs", song_id(f"song {number}"), None)
    pull_once(store, fake.cloud())
    assert (store.library.count(), in_step(store, fake)) == (5, True)


def test_what_changes_while_the_bucket_is_paged_is_not_missed(store: Store, fake: FakeCloud) -> None:
    fake.page = 3
    for number in range(9):
        fake.put_song(f"song {number}")
    pages = 0

    def meanwhile(request: httpx.Request) -> None:
        nonlocal pages
        pages += 1
        if pages == 2:  # behind and ahead of where we read
            first, second, *_, last = sorted(fake.rows().items())
            fake.put(*first[0], None)
            fake.put(*last[0], None)
            fake.put(*second[0], second[1] | {"artist": "late"})

    pull_once(store, fake.cloud(meanwhile))
    assert (store.library.count(), in_step(store, fake)) == (7, True)
    assert [song.artist for song in store.library.songs()].count("late") == 1


def test_a_cloud_restored_from_a_backup_is_read_afresh_and_its_word_holds(store: Store, fake: FakeCloud) -> None:
    for name in ("rain", "wind", "fire"):
        fake.put_song(name)
    pull_once(store, fake.cloud())
    fake.epoch, fake.rev = "e2", 1
    fake.log = {key: entry for key, entry in fake.log.items() if entry[0] == 1}
    assert pull_once(store, fake.cloud()).resets == 1
    assert (titles(store), in_step(store, fake)) == (["rain"], True)


def test_an_interrupted_reset_begins_again_and_loses_nothing(store: Store, fake: FakeCloud) -> None:
    fake.page = 2
    for number in range(6):
        fake.put_song(f"song {number}")
    pull_once(store, fake.cloud())
    fake.epoch = "e2"
    fake.put("songs", song_id("song 0"), None)
    requests = 0

    def cut(request: httpx.Request) -> None:
        nonlocal requests
        requests += 1
        if requests == 2:
            raise httpx.ReadError("cut")

    with pytest.raises(LinkDown):
        pull_once(store, fake.cloud(cut))
    assert store.bucket.cursor().epoch == "" and store.library.count() == 6
    pull_once(store, fake.cloud())
    assert (store.library.count(), in_step(store, fake)) == (5, True)


def test_another_epoch_in_the_middle_of_a_reset_is_not_mixed_in(store: Store, fake: FakeCloud) -> None:
    fake.page = 2
    for number in range(6):
        fake.put_song(f"song {number}")

    def restore(request: httpx.Request) -> None:
        fake.epoch = f"e{len(fake.requests)}"

    with pytest.raises(LinkDown, match="another epoch"):
        pull_once(store, fake.cloud(restore))
    assert store.bucket.cursor().epoch == ""


def test_a_row_that_cannot_be_read_is_left_and_the_rest_goes_on(
    store: Store, fake: FakeCloud, caplog: pytest.LogCaptureFixture
) -> None:
    fake.put("songs", "x", {"id": "no id", "title": 7})
    fake.put("songs", song_id("nan"), song_row("nan", sha256="short"))
    fake.put_song("rain")
    fake.put("weather", "x", {"sun": True})  # a newer cloud's table
    with caplog.at_level(logging.WARNING):
        report = pull_once(store, fake.cloud())
    assert (sum(report.bad.values()), titles(store), in_step(store, fake)) == (2, ["rain"], True)
    assert len(caplog.records) == 2


def test_a_bad_new_version_leaves_the_row_we_had(store: Store, fake: FakeCloud) -> None:
    fake.put_song("rain")
    pull_once(store, fake.cloud())
    fake.put("songs", song_id("rain"), {"id": song_id("rain"), "type": "noise"})
    pull_once(store, fake.cloud())
    assert titles(store) == ["rain"] and in_step(store, fake)


def test_rows_lost_here_are_noticed_and_come_again(store: Store, fake: FakeCloud) -> None:
    fake.put_song("rain")
    pull_once(store, fake.cloud())
    stored = store.bucket.cursor()
    with store.db.write() as conn:  # as a torn cache, or a bug of ours, might leave it
        conn.execute("delete from songs")
        state = json.dumps({"epoch": stored.epoch, "rev": stored.rev, "digest": 1, "generation": 1})
        conn.execute("update sync_state set value = ? where key = 'cursor'", (state,))
    assert pull_once(store, fake.cloud()).mismatched
    assert pull_once(store, fake.cloud()).resets == 1
    assert titles(store) == ["rain"]


def test_sides_that_never_agree_do_not_read_everything_for_ever(
    store: Store, fake: FakeCloud, clock: ManualClock
) -> None:
    fake.put_song("rain")
    fake.wrong_digest = True
    resets = [pull_once(store, fake.cloud()).resets for _ in range(6)]
    assert sum(resets) == 2
    clock.advance(3600)
    pull_once(store, fake.cloud())
    assert pull_once(store, fake.cloud()).resets == 1


def test_nothing_new_writes_nothing(store: Store, fake: FakeCloud) -> None:
    fake.put_song("rain")
    pull_once(store, fake.cloud())
    before = store.db.conn.total_changes
    pull_once(store, fake.cloud())
    assert store.db.conn.total_changes == before


def test_a_rule_that_staff_set_here_is_not_overtaken_by_an_older_word(
    store: Store, fake: FakeCloud, clock: ManualClock
) -> None:
    rain = fake.put_song("rain")["id"]
    fake.put("queue_rules", f"{rain}/place", {"song_id": rain, "kind": "place", "place": 9})
    store.room.set_rule(Rule(SongId(rain), "place", place=1))
    pull_once(store, fake.cloud())
    assert [rule.place for rule in store.room.rules()] == [1]
    push_once(store, fake.cloud(), clock)
    report = pull_once(store, fake.cloud())
    assert not report.mismatched and in_step(store, fake)
    assert [rule.place for rule in store.room.rules()] == [1]


def test_the_clouds_word_on_a_superseded_rule_arrives_in_the_end(
    store: Store, fake: FakeCloud, clock: ManualClock
) -> None:
    rain = fake.put_song("rain")["id"]
    fake.put("queue_rules", f"{rain}/place", {"song_id": rain, "kind": "place", "place": 9})
    store.room.set_rule(Rule(SongId(rain), "place", place=1))
    pull_once(store, fake.cloud())
    store.outbox.settle([(store.outbox.batch(1)[0].op_id, "superseded")])
    assert pull_once(store, fake.cloud()).mismatched
    pull_once(store, fake.cloud())
    assert [rule.place for rule in store.room.rules()] == [9] and in_step(store, fake)


def held(fake: FakeCloud, song: str, vote_time: float) -> str:
    vote_id = song_id(f"vote {song} {vote_time}")
    fake.put("held_votes", vote_id, {"vote_id": vote_id, "song_id": song_id(song), "vote_time": vote_time})
    return vote_id


def settled(fake: FakeCloud) -> dict[str, Any]:
    return {op["body"]["vote_id"]: op["body"]["sounded"] for op in fake.facts if op["type"] == "settle"}


def test_a_held_vote_is_answered_from_the_scene_log_by_the_clouds_clock(
    store: Store, fake: FakeCloud, clock: ManualClock
) -> None:
    store.scenes.record([{"song_id": song_id("rain")}], taps_seen=0, cause={})
    clock.advance(20)
    store.scenes.record([], taps_seen=0, cause={})
    fake.now_s = clock.wall + 10 * 365 * 86_400  # this box's clock is ten years slow
    heard = held(fake, "rain", fake.now_s - 5)
    unheard = held(fake, "wind", fake.now_s - 5)
    before = held(fake, "rain", fake.now_s - 300)
    assert pull_once(store, fake.cloud()).settled_votes == 3
    push_once(store, fake.cloud(), clock)
    assert settled(fake) == {heard: True, unheard: False, before: False}


def test_a_held_vote_asked_for_twice_is_answered_once(store: Store, fake: FakeCloud, clock: ManualClock) -> None:
    held(fake, "rain", clock.wall)
    pull_once(store, fake.cloud())
    store.bucket.forget_cursor()
    pull_once(store, fake.cloud())
    assert store.outbox.pending() == 1
    push_once(store, fake.cloud(), clock)
    store.bucket.forget_cursor()
    pull_once(store, fake.cloud())
    push_once(store, fake.cloud(), clock)
    assert len(settled(fake)) == 1 and len(fake.facts) == 1


@pytest.mark.parametrize("cursorless", [True, False])
def test_a_cloud_that_promises_more_and_gives_nothing_is_left(store: Store, fake: FakeCloud, cursorless: bool) -> None:
    page = {"reset": True, "epoch": "e", "changes": [], "next": 1, "more": True, "server_time": 1.0}
    with pytest.raises(LinkDown, match="empty page"):
        pull_once(store, fake.cloud(lambda _: httpx.Response(200, json=page)))


def test_a_cloud_that_resets_for_ever_is_left(store: Store, fake: FakeCloud) -> None:
    def restless(request: httpx.Request) -> None:
        fake.epoch = f"e{len(fake.requests)}"

    with pytest.raises(LinkDown, match="again and again"):
        pull_once(store, fake.cloud(restless))
