from __future__ import annotations

import pytest

from appliance.clock import ManualClock
from appliance.store import Store, scenes
from tests.factories import Box, count, layers, op_types, put, settle_all, uid

RAIN, FIRE = uid(1), uid(2)
TEN_YEARS_S = 10 * 365 * 86_400


def record(store: Store, *song_ids: str, taps_seen: int = 0) -> str:
    return store.scenes.record(layers(*song_ids), taps_seen=taps_seen, cause={"here": 1})


def sounded(store: Store, song_id: str, ago_s: float = 0) -> bool:
    return store.scenes.sounded(song_id, round((store.clock.wall_s() - ago_s) * 1000))


def seconds(store: Store) -> list[float]:
    return [row["seconds"] for row in store.db.rows("select seconds from songs_playing order by rowid")]


# The scene log


def test_a_scene_is_remembered_with_what_led_to_it(store: Store, clock: ManualClock) -> None:
    assert store.scenes.latest() is None
    scene_id = record(store, RAIN, FIRE, taps_seen=3)
    latest = store.scenes.latest()
    assert latest is not None
    assert (latest.id, latest.taps_seen, latest.cause) == (scene_id, 3, {"here": 1})
    assert [layer["song_id"] for layer in latest.layers] == [RAIN, FIRE]
    assert (latest.boot_ms, latest.wall_ms) == (clock.boot * 1000, clock.wall * 1000)


def test_scenes_are_read_from_where_one_stopped(store: Store) -> None:
    record(store, RAIN)
    seen = store.scenes.newest_seq()
    later = [record(store, FIRE), record(store, RAIN)]
    assert [scene.id for scene in store.scenes.since(seen)] == later


def test_the_log_forgets_what_is_old(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "KEEP_SCENES", 3)
    for _ in range(5):
        record(store, RAIN)
    assert (count(store, "scenes"), store.scenes.newest_seq()) == (3, 5)


# What sounded


def test_a_song_sounded_while_its_scene_stands_and_a_minute_after(store: Store, clock: ManualClock) -> None:
    assert not sounded(store, RAIN)
    record(store, RAIN)
    clock.advance(3600)
    assert sounded(store, RAIN), "the scene still stands"
    record(store, FIRE)
    clock.advance(60)
    assert sounded(store, RAIN)
    clock.advance(0.1)
    assert not sounded(store, RAIN)
    assert sounded(store, FIRE)


def test_what_sounded_then_is_not_what_sounds_now(store: Store, clock: ManualClock) -> None:
    record(store, RAIN)
    clock.advance(300)
    record(store, FIRE)
    clock.advance(300)
    assert sounded(store, RAIN, ago_s=300.5)
    assert not sounded(store, FIRE, ago_s=300.5)
    assert not sounded(store, RAIN, ago_s=700)


@pytest.mark.parametrize("jump_s", [-TEN_YEARS_S, TEN_YEARS_S])
def test_setting_the_clock_does_not_change_what_sounded(store: Store, clock: ManualClock, jump_s: int) -> None:
    record(store, RAIN)
    clock.set_wall(clock.wall + jump_s)
    assert sounded(store, RAIN)
    assert not sounded(store, FIRE)


def test_what_sounded_before_a_reboot_is_told_by_the_wall(box: Box, store: Store) -> None:
    record(store, RAIN)
    box.reboot()
    after = box.store("after")
    assert sounded(after, RAIN)
    record(after, FIRE)
    box.clock.advance(61)
    assert not sounded(after, RAIN)


# Votes the cloud asks about


def hold(store: Store, number: int, song_id: str, at_s: float) -> None:
    row = {"vote_id": uid(number), "song_id": song_id, "vote_time": at_s}
    store.bucket.apply([put("held_votes", uid(number), row)], epoch="e", rev=number)


def test_held_votes_are_answered_once_each(store: Store, clock: ManualClock) -> None:
    record(store, RAIN)
    hold(store, 50, RAIN, clock.wall + 5)
    hold(store, 51, FIRE, clock.wall + 5)
    assert store.scenes.settle_held_votes(cloud_ahead_s=5) == 2
    answers = {op.body["vote_id"]: op.body["sounded"] for op in store.outbox.batch(9)}
    assert answers == {uid(50): True, uid(51): False}
    hold(store, 50, RAIN, clock.wall)
    store.scenes.settle_held_votes()
    assert op_types(store) == ["settle", "settle"], "asked twice, answered once"
    assert count(store, "held_votes") == 0


# Plays


def test_a_play_begins_when_the_song_began_and_ends_with_its_seconds(store: Store, clock: ManualClock) -> None:
    play = store.scenes.begin_play(RAIN, 10.0)
    row = store.db.row("select * from songs_playing")
    assert row is not None
    assert (row["boot_ms"], row["wall_ms"]) == ((clock.boot - 10) * 1000, (clock.wall - 10) * 1000)
    store.scenes.end_play(play, 61.23)
    assert seconds(store) == [61.2]
    assert [(op.type, op.body["play_id"]) for op in store.outbox.batch(9)] == [("play", play), ("play_end", play)]


def test_plays_a_crash_left_open_end_where_the_player_was_last_alive(store: Store, clock: ManualClock) -> None:
    store.scenes.begin_play(RAIN, 10.0)
    clock.advance(30)
    alive_s = clock.boot
    clock.advance(8 * 3600)
    record(store, FIRE)
    assert store.scenes.close_open_plays(alive_s) == 1
    assert seconds(store) == [40.0], "not the eight hours in which nothing played"
    assert store.scenes.close_open_plays(alive_s) == 0
    assert op_types(store) == ["play", "play_end"]


def test_without_a_sign_of_life_a_play_ends_with_the_last_scene_of_its_boot(box: Box, store: Store) -> None:
    store.scenes.begin_play(RAIN, 10.0)
    box.clock.advance(100)
    record(store, RAIN)
    store.scenes.begin_play(FIRE, 10.0)
    box.reboot()
    after = box.store("after")
    record(after, FIRE)
    assert after.scenes.close_open_plays(box.clock.boot) == 2
    assert seconds(after) == [110.0, 10.0]


def test_a_closed_play_stays_closed(store: Store) -> None:
    store.scenes.end_play(store.scenes.begin_play(RAIN, 10.0), 12.0)
    settle_all(store)
    assert store.scenes.close_open_plays() == 0
    assert (seconds(store), op_types(store)) == ([12.0], [])


def test_plays_of_a_song_that_the_cloud_does_not_know_stay_here(store: Store) -> None:
    store.db.tables["songs"].insert(
        {"id": RAIN, "title": "mine", "type": "soundscape", "file_url": "local:mine", "embedding_source": "neutral",
         "sha256": "a" * 64, "byte_size": 1}
    )  # fmt: skip
    store.scenes.end_play(store.scenes.begin_play(RAIN, 10.0), 12.0)
    assert (seconds(store), op_types(store)) == ([12.0], [])
    store.scenes.end_play(store.scenes.begin_play(FIRE, 10.0), 12.0)
    assert op_types(store) == ["play", "play_end"]
