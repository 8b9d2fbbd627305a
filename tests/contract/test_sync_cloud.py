"""The box's sync against the real cloud, without sockets: what one says, the other understands."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import doors
import pytest
from cloud_world import FIRE, RAIN, SEA, Box, World
from doors import in_step

from appliance.clock import ManualClock
from appliance.model import Rule, TapRead
from appliance.runtime import Runtime
from appliance.store import Store, open_store
from appliance.store.identity import Identity
from checkin import rules
from cloud_stub.database import Tx
from cloud_stub.repositories import ops
from mixer.scene import SongId
from sync.digest import digest_text
from sync.door import Door
from sync.errors import LinkDown, MediaError, NotAuthorised
from sync.heartbeat import Heart, build_heartbeat
from sync.media import fetch
from sync.pull import pull_once
from sync.push import push_once
from sync.queue import queue_once
from sync.wire import PushReply, PushRequest

KEY = "ab" * 32


pytestmark = doors.BOTH


def connect(world: World, token: str) -> Door:
    return world.door.open(token)


def tap(store: Store, key_hash: str = KEY) -> Any:
    now = round(store.clock.boot_s() * 1000)
    read = TapRead(str(uuid4()), key_hash, 1, now, round(store.clock.wall_s() * 1000))
    return store.people.record_tap(read, rules)


def test_a_library_arrives_and_both_sides_agree_on_it(world: World, cloud: Door, store: Store) -> None:
    for number, taste in enumerate((RAIN, SEA, FIRE)):
        world.song(f"song {number}", taste)
    report = pull_once(store, cloud)
    assert (report.resets, report.mismatched, store.library.count()) == (1, False, 3)
    assert in_step(store, cloud)


def test_a_library_of_many_pages_arrives_whole(world: World, cloud: Door, store: Store) -> None:
    for number in range(7):
        world.song(f"song {number}")
    cloud.pull = partial(cloud.pull, limit=2)  # type: ignore[method-assign]
    report = pull_once(store, cloud)
    assert (report.resets, report.changes, store.library.count()) == (1, 7, 7)
    assert in_step(store, cloud)


def test_a_newcomers_tap_vote_and_taste_go_up_and_come_back(world: World, cloud: Door, store: Store) -> None:
    rain = world.song("rain", RAIN)
    pull_once(store, cloud)
    store.scenes.record([{"song_id": rain}], taps_seen=0, cause={})
    greeted = tap(store)
    store.people.record_vote(greeted.listener.id, rain, 5, RAIN, shares=[(rain, 1.0)])
    report = push_once(store, cloud, store.clock)
    assert report.verdicts.get("rejected") is None and store.outbox.pending() == 0
    pull_once(store, cloud)
    learnt = store.people.listener(greeted.listener.id)
    assert learnt is not None and learnt.taste_rev > 0 and learnt.preference_vector[0] > 0.9
    assert in_step(store, cloud)


def test_every_kind_of_fact_is_understood(world: World, cloud: Door, store: Store, clock: ManualClock) -> None:
    rain = world.song("rain", RAIN)
    pull_once(store, cloud)
    tap(store)
    clock.advance(60)
    world.time.advance(60)
    tap(store)
    play = store.scenes.begin_play(rain, 12.0)
    store.scenes.end_play(play, 40.0)
    store.room.set_rule(Rule(SongId(rain), "pin"))
    report = push_once(store, cloud, clock)
    assert report.verdicts == {"applied": report.answered}
    assert store.outbox.dead_letters() == []
    pull_once(store, cloud)
    assert [rule.kind for rule in store.room.rules()] == ["pin"]
    assert in_step(store, cloud)


def test_a_repeated_push_is_one_fact(world: World, cloud: Door, store: Store) -> None:
    rain = world.song("rain")
    store.scenes.begin_play(rain, 10.0)
    (op,) = store.outbox.batch(1)
    push_once(store, cloud, store.clock)
    with store.db.write():  # as if the reply had been lost
        store.outbox.append(op.type, op.body, op_id=op.op_id)
    assert push_once(store, cloud, store.clock).verdicts == {"applied": 1}
    assert world.read(lambda tx: tx.one("select count(*) as n from songs_playing"))["n"] == 1


def test_a_bad_fact_is_refused_alone(world: World, cloud: Door, store: Store) -> None:
    rain = world.song("rain")
    with store.db.write():
        store.outbox.append("play", {"play_id": "not an id"})
        store.outbox.append("dance", {})
    store.scenes.begin_play(rain, 10.0)
    report = push_once(store, cloud, store.clock)
    assert (report.verdicts, len(store.outbox.dead_letters())) == ({"applied": 1, "rejected": 2}, 2)


def test_the_queue_comes_once_and_then_holds(world: World, cloud: Door, store: Store) -> None:
    songs = {world.song("rain", RAIN), world.song("sea", SEA)}
    world.refresh()
    assert queue_once(store, cloud)
    assert {str(entry.song_id) for entry in store.room.queue().entries} == songs
    assert not queue_once(store, cloud, wait_s=0.01)


def test_a_file_is_fetched_by_its_hash_and_resumed(world: World, cloud: Door, store: Store, tmp_path: Path) -> None:
    content = b"sound" * 1000
    song_id = world.song("rain", data=content)
    pull_once(store, cloud)
    song = store.library.song(song_id)
    assert song is not None and song.sha256 == sha256(content).hexdigest()
    with cloud.open_media(song.sha256, {}, song.file_url) as response:
        etag = response.headers["etag"]
    whole = fetch(cloud, song, tmp_path / "media")
    assert whole.read_bytes() == content
    whole.unlink()
    (whole.parent / f"{whole.name}.part").write_bytes(content[:1234])
    (whole.parent / f"{whole.name}.etag").write_text(etag)
    assert fetch(cloud, song, tmp_path / "media").read_bytes() == content


def test_a_file_that_is_not_in_the_library_cannot_be_had(cloud: Door) -> None:
    with pytest.raises(MediaError), cloud.open_media("0" * 64, {}):
        pass


def test_a_bare_heartbeat_keeps_the_whole_scene_alive(
    world: World, cloud: Door, store: Store, box: Box, tmp_path: Path, clock: ManualClock
) -> None:
    rain, phone = world.song("rain", RAIN), world.phone()
    world.check_in(phone, box)
    runtime = Runtime(tmp_path / "run")
    heart = Heart(cloud, runtime, clock)
    heart.beat(store)  # of a box without a player
    scene = {"scene_id": str(uuid4()), "audible": True, "here": 1, "why": ["rain is liked"],
             "scene": [{"song_id": rain, "share": 1.0}]}  # fmt: skip
    for _ in range(6):
        clock.advance(20)
        world.time.advance(20)
        runtime.publish("player", {"boot_s": clock.boot, **scene})
        heart.beat(store)
    assert cloud.bare_beat(heart._bare(build_heartbeat(store, runtime, clock)))
    assert phone.post("/api/votes", song_id=rain, vote_value=5).status_code == 200
    assert phone.me()["preference_vector"][0] > 0.9


def test_a_cloud_that_knows_another_scene_asks_for_all(
    cloud: Door, store: Store, box: Box, tmp_path: Path, clock: ManualClock
) -> None:
    heart = Heart(cloud, Runtime(tmp_path / "run"), clock)
    heart.beat(store)
    box.hears(audible=False, silent_on_purpose=True)  # as after its restoring
    bare = heart._bare(build_heartbeat(store, Runtime(tmp_path / "run"), clock))
    assert not cloud.bare_beat(bare)


def test_a_long_poll_that_finds_both_sides_equal_is_answered_by_a_304(world: World, cloud: Door, store: Store) -> None:
    world.song("rain", RAIN)
    pull_once(store, cloud)
    cursor = store.bucket.cursor()
    assert cloud.pull(cursor.epoch, cursor.rev, digest=digest_text(cursor.digest)) is None
    page = cloud.pull(cursor.epoch, cursor.rev, digest=digest_text(cursor.digest + 1))
    assert page is not None and page.digest == digest_text(cursor.digest)


def test_a_phones_vote_in_a_room_out_of_reach_is_judged_by_the_box(
    world: World, cloud: Door, store: Store, box: Box, clock: ManualClock
) -> None:
    rain = world.song("rain", RAIN)
    phone = world.phone()
    assert world.check_in(phone, box).status_code == 200
    store.scenes.record([{"song_id": rain}], taps_seen=0, cause={})
    for moment in (clock, world.time):
        moment.advance(40)  # the last heartbeat, if any, is old
    assert phone.post("/api/votes", song_id=rain, vote_value=5).json()["status"] == "held"
    assert pull_once(store, cloud).settled_votes == 1
    assert push_once(store, cloud, clock).verdicts == {"applied": 1}
    pull_once(store, cloud)
    assert phone.me()["preference_vector"][0] > 0.9
    assert in_step(store, cloud)


def neighbour(world: World, folder: Path, clock: ManualClock) -> tuple[Store, Door]:
    """Another room's box of the same fleet."""
    return open_store(folder / "bar", folder / "bar-run", "sync-test", clock), connect(world, world.box("Bar").token)


def merge(store: Store, away: str, into: str) -> str:
    return Identity(store.db, store.clock, store.outbox).merge(away, into)


def test_a_merge_made_offline_reaches_every_room_and_what_they_say_later_is_the_survivors(
    world: World, cloud: Door, store: Store, clock: ManualClock, tmp_path: Path
) -> None:
    rain = world.song("rain", RAIN)
    bar, line = neighbour(world, tmp_path, clock)
    with closing(bar):
        away, into = (tap(store, card * 32).listener.id for card in ("ab", "cd"))
        for one, its_cloud in ((store, cloud), (bar, line)):
            push_once(one, its_cloud, clock)
            pull_once(one, its_cloud)
        merge(store, away, into)  # nobody has heard of it …
        late = tap(bar, "ab" * 32)  # … when the card is shown in the bar
        bar.people.record_vote(late.listener.id, rain, 5, RAIN, shares=[(rain, 1.0)])
        assert late.listener.id == away
        push_once(store, cloud, clock)
        assert push_once(bar, line, clock).verdicts == {"applied": 2}
        for one, its_cloud in ((store, cloud), (bar, line)):
            pull_once(one, its_cloud)
            known = one.people.listener(away)
            assert known is not None and known.id == into and known.preference_vector[0] > 0.9
            assert one.people.listener(into) == known
            assert in_step(one, its_cloud)
        assert [person.listener.id for person in bar.people.present()] == [into]


def test_what_the_cloud_refuses_to_join_is_two_here_again(
    world: World, cloud: Door, store: Store, box: Box, clock: ManualClock
) -> None:
    phones = [world.phone() for _ in range(2)]
    for phone in phones:
        world.check_in(phone, box)
    pull_once(store, cloud)
    away, into = (phone.me()["id"] for phone in phones)
    merge(store, away, into)
    assert push_once(store, cloud, clock).rejected == 1
    pull_once(store, cloud)
    assert {person.listener.id for person in store.people.present()} == {away, into}
    assert in_step(store, cloud)


def plays_in(world: World) -> int:
    return int(world.read(lambda tx: tx.value("select count(*) from songs_playing")))


def restore_the_state_after(world: World, ops: int) -> None:
    """As an old backup would: what was taken since is gone, and nobody says so. Plays move no revision of a bucket."""

    def forget(tx: Tx) -> None:
        tx.run("delete from songs_playing where op_id in (select op_id from op_seen where n > ?)", ops)
        tx.run("delete from op_seen where n > ?", ops)

    world.write(forget)


@pytest.mark.parametrize("first", ["pull", "push", "push, and the reply is lost"])
def test_a_cloud_restored_from_a_backup_gets_back_what_it_took_since(
    world: World, cloud: Door, store: Store, clock: ManualClock, first: str
) -> None:
    rain = world.song("rain")
    for _ in range(5):
        store.scenes.begin_play(rain, 10.0)
        push_once(store, cloud, clock)
    pull_once(store, cloud)
    restore_the_state_after(world, ops=2)
    if first == "pull":
        assert pull_once(store, cloud).resets == 1
        assert store.outbox.pending() == 5
    else:
        for _ in range(4):  # more than were lost: its count could grow past ours
            store.scenes.begin_play(rain, 10.0)
        if "lost" in first:
            lose_a_reply(store, cloud, clock)
    push_once(store, cloud, clock)
    assert plays_in(world) == (5 if first == "pull" else 9)
    assert store.outbox.heard() == world.read(lambda tx: ops.seen(tx, store_player(tx)).get())
    assert push_once(store, cloud, clock).answered == 0
    assert in_step(store, cloud)


def lose_a_reply(store: Store, cloud: Door, clock: ManualClock) -> None:
    def push(request: PushRequest) -> PushReply:
        whole_push(request)
        raise LinkDown("the reply is lost")

    whole_push = cloud.push
    with pytest.MonkeyPatch.context() as patch, pytest.raises(LinkDown):
        patch.setattr(cloud, "push", push)
        push_once(store, cloud, clock)


def store_player(tx: Tx) -> str:
    """The only room."""
    return str(tx.value("select id from players"))


def test_verdicts_that_grew_old_are_no_reason_to_send_anything_again(
    world: World, cloud: Door, store: Store, clock: ManualClock
) -> None:
    rain = world.song("rain")
    for _ in range(3):
        store.scenes.begin_play(rain, 10.0)
    push_once(store, cloud, clock)
    pull_once(store, cloud)
    world.time.advance(1000)
    world.write(ops.prune, world.time.s)
    assert in_step(store, cloud)
    assert store.outbox.pending() == 0


def test_a_wrong_token_keeps_everything(world: World, store: Store) -> None:
    store.scenes.begin_play(world.song("rain"), 10.0)
    stranger = connect(world, "csp_00000000_" + "A" * 43)
    for call in (lambda: push_once(store, stranger, store.clock), lambda: queue_once(store, stranger)):
        with pytest.raises(NotAuthorised):
            call()
    assert store.outbox.pending() == 1
