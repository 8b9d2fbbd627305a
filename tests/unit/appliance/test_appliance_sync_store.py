"""What the sync process asks of the store, beside what its own tests show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.clock import ManualClock
from appliance.store import Store, open_store
from appliance.store.bucket import BucketChange

STAY, PERSON = "stay-1", "person-1"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    opened = open_store(tmp_path, tmp_path / "run", "test", clock)
    yield opened
    opened.close()


def song(song_id: str, digest: int = 1, **fields: object) -> BucketChange:
    row = {"id": song_id, "title": song_id, "type": "soundscape", "sha256": f"sha {song_id}", "byte_size": 10}
    return BucketChange("songs", song_id, "put", row | {"file_url": ""} | fields, digest)


def gone(song_id: str) -> BucketChange:
    return BucketChange("songs", song_id, "del")


def stay(status: str, expires_at: float) -> BucketChange:
    row = {"id": STAY, "user_id": PERSON, "checked_in_at": 0.0, "expires_at": expires_at, "status": status}
    return BucketChange("sessions", STAY, "put", row, 7)


def test_the_digest_is_the_sum_of_what_is_held_whatever_came_in_between(store: Store) -> None:
    store.bucket.apply([song("a", 5), song("b", 2**64 - 1), song("a", 9)], epoch="e", rev=3)
    assert store.bucket.cursor().digest == 8
    store.bucket.apply([gone("b"), gone("b"), gone("never")], epoch="e", rev=4)
    assert store.bucket.cursor().digest == 9
    store.bucket.replace([song("c", 2**63)], epoch="f", rev=1)
    assert (store.bucket.cursor().digest, store.library.count()) == (2**63, 1)


def test_a_row_that_could_not_be_read_counts_and_changes_nothing(store: Store) -> None:
    store.bucket.apply([song("a", 5)], epoch="e", rev=1)
    store.bucket.apply([BucketChange("songs", "a", "put", None, 6)], epoch="e", rev=2)
    assert (store.bucket.cursor().digest, store.library.count()) == (6, 1)


@pytest.mark.parametrize("fields", [{"byte_size": 2**70}, {"type": "noise"}, {"title": None}])
def test_a_row_that_the_database_refuses_does_not_hold_up_the_rest(store: Store, fields: dict[str, object]) -> None:
    store.bucket.apply([song("a", **fields), song("b")], epoch="e", rev=1)
    assert [found.id for found in store.library.songs()] == ["b"]
    assert store.bucket.cursor().rev == 1


def test_a_stay_that_is_being_extended_here_is_not_ended_by_an_older_word(store: Store, clock: ManualClock) -> None:
    person = {"id": PERSON, "display_name": "Heron", "preference_vector": [0.0] * 5}
    store.bucket.apply(
        [BucketChange("profiles", PERSON, "put", person, 1), stay("active", clock.wall + 600)], epoch="e", rev=1
    )
    with store.db.write():
        op = store.outbox.append("checkin", {"session_id": STAY})
    assert not store.bucket.settled()
    store.bucket.apply([stay("inactive", clock.wall)], epoch="e", rev=2)
    store.bucket.apply([BucketChange("sessions", STAY, "del")], epoch="e", rev=3)
    assert store.people.here() == 1
    store.outbox.settle([(op, "applied")])
    assert store.bucket.settled()
    store.bucket.apply([BucketChange("sessions", STAY, "del")], epoch="e", rev=4)
    assert store.people.here() == 0


def test_distrust_is_heard_once_in_ten_minutes_and_again_after_a_reboot(store: Store, clock: ManualClock) -> None:
    store.bucket.apply([song("a")], epoch="e", rev=1)
    assert store.bucket.distrust()
    assert store.bucket.cursor().epoch == ""
    assert not store.bucket.distrust()
    clock.boot_id = "next"
    assert store.bucket.distrust()


def test_a_bad_outbox_row_does_not_stop_the_bucket(store: Store) -> None:
    row = {"op_id": "x", "type": "rule", "body": '{"torn', "boot_id": "b", "mono_ms": 1, "wall_ms": 1}
    store.db.tables["ops"].insert(row)
    rule = {"song_id": "a", "kind": "pin"}
    store.bucket.apply([BucketChange("queue_rules", "a/pin", "put", rule, 1)], epoch="e", rev=1)
    assert [held.kind for held in store.room.rules()] == ["pin"]
    assert store.outbox.batch(1)[0].body == {"unreadable": '{"torn'}


def test_a_file_is_wanted_when_the_room_may_play_it_and_it_is_not_here(store: Store) -> None:
    store.bucket.apply([song("a"), song("b"), song("c"), song("d")], epoch="e", rev=1)
    store.library.set_media("a", Path("/a"))
    store.library.set_refused("b", "silent")
    assert [found.id for found in store.library.unprepared(9, fetched=False)] == ["c", "d"]
    library = BucketChange("player_library", "c", "put", {"song_id": "c"}, 1)
    store.bucket.apply([library], epoch="e", rev=2)
    assert [found.id for found in store.library.unprepared(9, fetched=False)] == ["c"]


def test_tidying_is_harmless_while_others_read_and_write(store: Store, tmp_path: Path) -> None:
    store.bucket.apply([song("a")], epoch="e", rev=1)
    other = open_store(tmp_path, tmp_path / "run", "other")
    with other.db.write() as conn:
        conn.execute("delete from songs")
        store.db.tidy()
    store.db.tidy()
    assert store.library.count() == 0
    other.close()
