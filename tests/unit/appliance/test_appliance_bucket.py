from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.clock import ManualClock
from appliance.model import Rule
from appliance.store import Store
from appliance.store.bucket import BucketChange
from mixer.scene import SongId
from tests.factories import FIRE, SEA, Box, count, profile_row, put, put_songs, settle_all, song_row, tap, uid


def delete(tbl: str, pk: str) -> BucketChange:
    return BucketChange(tbl, pk, "del")


def dump(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    tables = (
        "songs",
        "player_library",
        "merges",
        "profiles",
        "tags",
        "sessions",
        "queue_rules",
        "settings",
        "held_votes",
    )
    return {name: [tuple(row) for row in store.db.rows(f"select * from {name} order by 1")] for name in tables}


def everything() -> list[BucketChange]:
    """One row of every kind, with digests that wrap."""
    now_s = 1_800_000_000.0
    session = {"id": uid(30), "user_id": uid(20), "status": "active", "checked_in_at": now_s, "expires_at": now_s + 600}
    rows: list[tuple[str, str, dict[str, Any]]] = [
        ("songs", uid(1), song_row(1)),
        ("player_library", uid(1), {"song_id": uid(1)}),
        ("merges", uid(21), {"profile_id": uid(21), "into_id": uid(20)}),
        ("profiles", uid(20), profile_row(uid(20))),
        ("tags", "a" * 64, {"key_hash": "a" * 64, "key_version": 1, "profile_id": uid(20)}),
        ("sessions", uid(30), session),
        ("queue_rules", f"{uid(1)}/ban", {"song_id": uid(1), "kind": "ban"}),
        ("settings", "house_taste", {"key": "house_taste", "value": list(SEA)}),
        ("held_votes", uid(40), {"vote_id": uid(40), "song_id": uid(1), "vote_time": now_s}),
    ]
    return [put(tbl, pk, row, digest=2**63 + number) for number, (tbl, pk, row) in enumerate(rows)]


def test_applying_a_page_twice_is_harmless(store: Store) -> None:
    store.bucket.apply(everything(), epoch="e", rev=8)
    once, cursor = dump(store), store.bucket.cursor()
    assert all(once.values()), "every kind of row arrived"
    store.bucket.apply(everything(), epoch="e", rev=8)
    assert (dump(store), store.bucket.cursor()) == (once, cursor)


def test_rows_and_cursor_come_together_or_not_at_all(store: Store) -> None:
    store.bucket.apply([], epoch="e", rev=3)
    with pytest.raises(KeyError):
        store.bucket.apply([*everything(), put("profiles", uid(9), {"id": uid(9)})], epoch="e", rev=8)
    assert (count(store, "songs"), store.bucket.cursor().rev) == (0, 3)


def test_what_is_deleted_is_gone(store: Store) -> None:
    store.bucket.apply(everything(), epoch="e", rev=8)
    store.bucket.apply([delete(change.tbl, change.pk) for change in everything()], epoch="e", rev=16)
    left = {name: len(rows) for name, rows in dump(store).items() if rows}
    assert left == {"sessions": 1}, "a stay is only ended: taps refer to it"
    assert store.people.here() == 0
    assert store.bucket.cursor().digest == 0


def test_a_row_of_a_table_from_the_future_counts_and_is_not_kept(store: Store) -> None:
    store.bucket.apply([put("weather", "x", {"rain": 1}, digest=5)], epoch="e", rev=1)
    assert store.bucket.cursor().digest == 5
    store.bucket.apply([delete("weather", "x"), delete("weather", "unheard of")], epoch="e", rev=2)
    assert store.bucket.cursor().digest == 0


def test_a_row_that_could_not_be_read_leaves_ours_as_it_is(store: Store) -> None:
    put_songs(store, song_row(1))
    store.bucket.apply([BucketChange("songs", uid(1), "put", None, 9)], epoch="e", rev=2)
    assert count(store, "songs") == 1


@settings(max_examples=20)
@given(st.lists(st.tuples(st.sampled_from(["put", "del"]), st.integers(1, 4), st.integers(0, 2**64 - 1)), max_size=12))
def test_the_digest_is_the_sum_of_what_is_held(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    box = Box(tmp_path_factory.mktemp("box"))
    store = box.store()
    held: dict[int, int] = {}
    for op, number, digest in steps:
        if op == "put":
            held[number] = digest
            store.bucket.apply([put("settings", str(number), {"key": str(number)}, digest)], epoch="e", rev=1)
        else:
            held.pop(number, None)
            store.bucket.apply([delete("settings", str(number))], epoch="e", rev=1)
    assert store.bucket.cursor().digest == sum(held.values()) % 2**64
    assert {row["key"] for row in store.db.rows("select key from settings")} == set(map(str, held))
    box.close()


# The whole bucket


def test_a_whole_bucket_forgets_what_is_gone(store: Store) -> None:
    put_songs(store, song_row(1), song_row(2))
    store.bucket.replace([put("songs", uid(2), song_row(2), 1)], epoch="new", rev=1)
    assert [song.id for song in store.library.songs()] == [uid(2)]
    assert (store.bucket.cursor().epoch, store.bucket.cursor().digest) == ("new", 1)
    assert store.library.song(uid(2)).pcm_path is not None, "what stays keeps its files"  # type: ignore[union-attr]


def test_a_whole_bucket_keeps_those_born_here_until_the_cloud_has_heard(store: Store) -> None:
    born = tap(store).listener
    assert born is not None
    store.bucket.replace([put("songs", uid(2), song_row(2))], epoch="new", rev=1)
    assert store.people.listener(born.id) == born
    assert store.people.here() == 1
    settle_all(store)
    store.bucket.apply([put("profiles", born.id, profile_row(born.id, born.display_name))], epoch="new", rev=2)
    store.bucket.replace([], epoch="newer", rev=1)
    assert store.people.listener(born.id) is None, "heard, and then taken away"


def test_a_bucket_that_comes_in_pages_is_swapped_at_the_last_one(store: Store) -> None:
    put_songs(store, song_row(1))
    store.bucket.begin_reset(epoch="e", rev=5)
    store.bucket.take_reset_page([put("songs", uid(2), song_row(2))])
    assert count(store, "songs") == 2
    assert store.bucket.cursor().epoch == "", "broken off here, it begins again"
    store.bucket.finish_reset(epoch="e", rev=5)
    assert [song.id for song in store.library.songs()] == [uid(2)]


def test_a_reset_takes_a_rule_that_the_cloud_has_heard_of_and_does_not_name(store: Store) -> None:
    """Its answer was lost, it was lifted there, and the reset comes before the word of that."""
    put_songs(store, song_row(1), song_row(3, file_url="local:mine.wav"))
    song, later, mine = (SongId(uid(number)) for number in (1, 2, 3))
    store.room.set_rule(Rule(song, "place", place=1))
    store.room.set_rule(Rule(mine, "pin"))
    settle_all(store)
    store.room.set_rule(Rule(later, "pin"))
    store.bucket.replace([put("songs", song, song_row(1))], epoch="e", rev=5)
    assert {rule.song_id for rule in store.room.rules()} == {later, mine}


@pytest.mark.parametrize(("seen", "here"), [(1, 0), (0, 1)])
def test_a_reset_ends_our_stay_that_the_cloud_has_heard_of_and_does_not_name(
    store: Store, seen: int, here: int
) -> None:
    """It ended elsewhere before its row ever came; unless the cloud answered our tap after this answer."""
    tap(store)
    store.outbox.settle([(op.op_id, "applied") for op in store.outbox.batch(9)], seen=1)
    store.bucket.begin_reset(epoch="e", rev=5, seen=seen)
    store.bucket.finish_reset(epoch="e", rev=5)
    assert store.people.here() == here


def test_a_reset_leaves_a_stay_alone_that_it_names_or_that_is_still_to_be_told(
    store: Store, clock: ManualClock
) -> None:
    tap(store, "named")
    store.outbox.settle([(op.op_id, "applied") for op in store.outbox.batch(9)], seen=1)
    stay = store.people.present()[0]
    row = {"id": stay.session_id, "user_id": stay.listener.id, "status": "active"}
    row |= {"checked_in_at": clock.wall, "expires_at": clock.wall + 3600}
    tap(store, "untold")
    store.bucket.begin_reset(epoch="e", rev=5, seen=1)
    store.bucket.take_reset_page([put("sessions", stay.session_id, row)])
    store.bucket.finish_reset(epoch="e", rev=5)
    assert store.people.here() == 2


def test_distrust_asks_for_the_whole_bucket_but_not_all_the_time(store: Store, clock: ManualClock) -> None:
    store.bucket.apply([], epoch="e", rev=5)
    assert store.bucket.distrust()
    assert store.bucket.cursor().epoch == ""
    assert not store.bucket.distrust()
    clock.advance(600)
    assert store.bucket.distrust()


# Songs


def test_a_song_with_new_content_is_not_ready_any_more(store: Store) -> None:
    put_songs(store, song_row(1), song_row(2))
    store.library.set_refused(uid(2), "silent")
    same = song_row(1, title="Renamed", embedding=FIRE)
    store.bucket.apply(
        [put("songs", uid(1), same), put("songs", uid(2), song_row(2, sha256="f" * 64))], epoch="e", rev=9
    )
    one, two = store.library.song(uid(1)), store.library.song(uid(2))
    assert one is not None
    assert two is not None
    assert (one.title, one.embedding, one.ready) == ("Renamed", FIRE, True)
    assert (two.ready, two.media_path, two.prepare_error) == (False, None, None)


def test_a_song_without_a_vector_is_neutral(store: Store) -> None:
    put_songs(store, song_row(1, embedding=None))
    song = store.library.song(uid(1))
    assert song is not None
    assert (song.embedding, song.embedding_source) == ((0.0,) * 5, "neutral")


# Ours against theirs


def test_a_rule_set_here_outlives_the_clouds_older_word(store: Store) -> None:
    mine = Rule(SongId(uid(1)), "ban")
    store.room.set_rule(mine)
    assert not store.bucket.settled()
    store.bucket.apply([delete("queue_rules", f"{uid(1)}/ban")], epoch="e", rev=1)
    assert store.room.rules() == [mine]
    settle_all(store)
    assert store.bucket.settled()
    store.bucket.apply([delete("queue_rules", f"{uid(1)}/ban")], epoch="e", rev=2)
    assert store.room.rules() == []


def test_a_stay_renewed_here_is_not_ended_by_a_word_from_before(store: Store) -> None:
    tap(store)
    stay = store.people.present()[0].session_id
    store.bucket.apply([delete("sessions", stay)], epoch="e", rev=1)
    assert store.people.here() == 1
    settle_all(store)
    store.bucket.apply([delete("sessions", stay)], epoch="e", rev=2)
    assert store.people.here() == 0


def test_a_stay_that_began_and_ended_here_is_counted_out_though_no_answer_came(
    store: Store, clock: ManualClock
) -> None:
    """The cloud took both words and its answer was lost: the row comes as ended while ours wait to be said again."""
    tap(store)
    stay = store.people.present()[0]
    row = {"id": stay.session_id, "user_id": stay.listener.id, "status": "active"}
    row |= {"checked_in_at": clock.wall, "expires_at": clock.wall + 3600}
    store.bucket.apply([put("sessions", stay.session_id, row, digest=7)], epoch="e", rev=1)
    clock.advance(60)
    tap(store)
    store.bucket.apply([delete("sessions", stay.session_id)], epoch="e", rev=2)
    assert (store.people.here(), store.bucket.cursor().digest) == (0, 0)


def test_our_own_stay_coming_back_changes_nothing(store: Store, clock: ManualClock) -> None:
    tap(store)
    stay = store.people.present()[0]
    clock.advance(10)
    row = {"id": stay.session_id, "user_id": stay.listener.id, "status": "active"}
    row |= {"checked_in_at": clock.wall, "expires_at": clock.wall + 60}
    store.bucket.apply([put("sessions", stay.session_id, row)], epoch="e", rev=1)
    assert store.people.present()[0].remaining_s == 3590


def test_a_stay_from_a_phone_comes_and_goes(store: Store, clock: ManualClock) -> None:
    row = {"id": uid(30), "user_id": uid(20), "status": "active"}
    row |= {"checked_in_at": clock.wall - 100, "expires_at": clock.wall + 500}
    store.bucket.apply(
        [put("profiles", uid(20), profile_row(uid(20))), put("sessions", uid(30), row)], epoch="e", rev=1
    )
    (stay,) = store.people.present()
    assert (stay.remaining_s, stay.checked_in_s) == (500, clock.boot - 100)
    store.bucket.apply([put("sessions", uid(30), row | {"status": "inactive"})], epoch="e", rev=2)
    assert store.people.here() == 0


def taken(store: Store) -> str:
    """A fact that the cloud has taken."""
    with store.db.write():
        op_id = store.outbox.append("play", {})
    store.outbox.settle([(op_id, "applied")])
    return op_id


@pytest.mark.parametrize(("epoch", "rev"), [("after a restore", 9), ("e", 4)])
def test_a_cloud_that_never_was_where_we_stood_gets_its_facts_again(store: Store, epoch: str, rev: int) -> None:
    store.bucket.apply([], epoch="e", rev=5)
    op_id = taken(store)
    store.bucket.distrust()  # the cursor may be forgotten: where we stood is not
    assert store.bucket.begin_reset(epoch=epoch, rev=rev) == 1
    assert [op.op_id for op in store.outbox.batch(9)] == [op_id]


def test_a_reset_of_the_cloud_we_know_sends_nothing_again(store: Store) -> None:
    store.bucket.replace([], epoch="e", rev=5)
    taken(store)
    assert store.bucket.begin_reset(epoch="e", rev=7) == 0, "it pruned its tombstones"
