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
        store.scenes.write_down()
    assert (len(store.scenes.since(0)), store.scenes.newest_seq()) == (3, 5)


# From the notes to the card


def test_what_is_noted_is_read_by_everybody_and_written_down_in_one_commit(box: Box, store: Store) -> None:
    other = box.store("other")
    noted = [record(store, RAIN), record(store, FIRE)]
    play = store.scenes.note_play(RAIN, 12.0)
    store.scenes.note_play_end(play, 40.0)
    version = other.db.value("pragma data_version")
    assert [scene.id for scene in other.scenes.since(0)] == noted
    assert sounded(other, FIRE)
    assert (count(other, "scene_leaves"), other.db.value("pragma data_version")) == (0, version), "no page was touched"
    store.scenes.write_down()
    assert (count(other, "scene_leaves"), [scene.id for scene in other.scenes.since(0)]) == (1, noted)
    assert (seconds(other), op_types(other)) == ([40.0], ["play", "play_end"])
    store.scenes.write_down()
    assert count(other, "scene_leaves") == 1


def test_a_player_that_is_killed_leaves_its_notes_to_the_next(box: Box, store: Store) -> None:
    scene, play = record(store, RAIN), store.scenes.note_play(RAIN, 10.0)
    box.clock.advance(30)
    again = box.store("again")
    assert again.scenes.latest() == store.scenes.latest()
    assert again.scenes.close_open_plays(box.clock.boot) == 1
    assert ([one.id for one in again.scenes.since(0)], seconds(again)) == ([scene], [40.0])
    assert [op.body.get("play_id") for op in again.outbox.batch(9)] == [play, play]


def test_killed_before_its_notes_were_forgotten_it_is_written_down_once(box: Box, store: Store) -> None:
    record(store, RAIN)
    store.scenes.note_play_end(store.scenes.note_play(RAIN, 10.0), 20.0)
    notes = {path: path.read_bytes() for path in (box.folder / "run").glob("*.notes")}
    store.scenes.write_down()
    for path, content in notes.items():
        path.write_bytes(content)
    again = box.store("again")
    again.scenes.write_down()
    assert (len(again.scenes.since(0)), again.scenes.newest_seq(), seconds(again)) == (1, 1, [20.0])
    assert op_types(again) == ["play", "play_end"]


def test_who_reads_while_it_is_written_down_sees_every_scene_once(
    box: Box, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, noted = box.store("other"), [record(store, RAIN), record(store, FIRE)]
    read = other.scenes._unwritten

    def and_then_it_is_written_down() -> object:
        found = read()
        store.scenes.write_down()
        return found

    monkeypatch.setattr(other.scenes, "_unwritten", and_then_it_is_written_down)
    assert [scene.id for scene in other.scenes.since(0)] == noted
    record(store, RAIN)
    assert [row["seq"] for row in other.scenes._newest_first()] == [3, 2, 1]


def test_a_play_written_down_late_began_when_it_began(store: Store, clock: ManualClock) -> None:
    began_ms = (clock.boot_s() - 10) * 1000
    store.scenes.note_play(RAIN, 10.0)
    clock.advance(250)
    store.scenes.write_down()
    assert store.db.value("select boot_ms from songs_playing") == began_ms
    assert store.outbox.batch(1)[0].body["audible_s"] == 260.0


def test_torn_notes_and_torn_leaves_are_left_out(box: Box, store: Store) -> None:
    first = record(store, RAIN)
    store.scenes.write_down()
    second = record(store, FIRE)
    with (box.folder / "run" / "scenes.notes").open("ab") as file:
        file.write(b'{"seq": 3, "id": "to')
    assert [scene.id for scene in store.scenes.since(0)] == [first, second]
    store.scenes.write_down()
    with store.db.write() as conn:
        conn.execute("update scene_leaves set body = substr(body, 9) where seq = 1")
    assert [scene.id for scene in store.scenes.since(0)] == [second]
    assert not sounded(store, RAIN)


def test_a_disk_that_refuses_for_long_costs_the_oldest_notes(store: Store) -> None:
    store.db.conn.execute("pragma query_only=1")
    noted = [record(store, RAIN) for _ in range(scenes.MOST_NOTED + 5)]
    latest = store.scenes.latest()
    assert latest is not None
    assert latest.id == noted[-1]
    assert len(store.scenes.since(0)) == 5


def test_many_scenes_go_on_leaves_that_no_reader_must_unfold_at_once(store: Store) -> None:
    noted = [record(store, RAIN) for _ in range(scenes.LEAF_SCENES + 1)]
    store.scenes.write_down()
    assert count(store, "scene_leaves") == 2
    assert [scene.id for scene in store.scenes.since(1)] == noted[1:]
    assert sum(len(row["body"]) for row in store.db.rows("select body from scene_leaves")) < 150 * len(noted)


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


def test_of_the_minutes_before_a_power_cut_the_voter_is_believed(box: Box, store: Store) -> None:
    """What was only noted is gone; the vote of somebody who was there is not."""
    record(store, RAIN)
    store.scenes.write_down()
    box.clock.advance(scenes.PATIENCE_S - 1)
    record(store, FIRE)
    for path in (box.folder / "run").glob("*.notes"):
        path.unlink()
    box.reboot()
    after = box.store("after")
    record(after, RAIN)
    box.clock.advance(600)
    assert sounded(after, FIRE, ago_s=660)
    assert not sounded(after, FIRE, ago_s=500), "in this boot the log is whole"
    assert not sounded(after, FIRE, ago_s=660 + scenes.PATIENCE_S), "before the log began"


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
