from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from appliance.clock import ManualClock
from appliance.store import Store
from appliance.store.database import Database
from appliance.store.outbox import COUNTED, KEEP_SENT_S, Outbox
from tests.factories import file_before, settle_all, uid


def append(store: Store, *kinds: str) -> list[str]:
    with store.db.write():
        return [store.outbox.append(kind, {"kind": kind}) for kind in kinds]


def test_ops_leave_in_the_order_they_happened_whatever_the_clock_says(store: Store, clock: ManualClock) -> None:
    append(store, "first")
    clock.set_wall(0)
    append(store, "second", "third")
    assert [op.type for op in store.outbox.batch(2)] == ["first", "second"]
    settle_all(store)
    append(store, "fourth")
    assert [(op.type, op.seq) for op in store.outbox.batch(9)] == [("fourth", 4)], "a number is never used twice"


def test_an_op_says_when_it_happened_on_both_clocks(store: Store, clock: ManualClock) -> None:
    append(store, "tap")
    (op,) = store.outbox.batch(1)
    assert (op.boot_id, op.mono_ms, op.wall_ms) == ("test-boot", clock.boot * 1000, clock.wall * 1000)
    assert op.body == {"kind": "tap"}


def test_what_is_answered_leaves_and_what_is_refused_is_kept_for_staff(store: Store) -> None:
    applied, twice, refused, waiting = append(store, "vote", "vote", "rule", "tap")
    store.outbox.settle([(applied, "applied"), (twice, "duplicate"), (refused, "rejected: no such song")])
    assert [op.op_id for op in store.outbox.batch(9)] == [waiting]
    assert store.outbox.pending() == 1
    (letter,) = store.outbox.dead_letters()
    assert (letter["op_id"], letter["type"], letter["verdict"]) == (refused, "rule", "rejected: no such song")


def test_an_answer_that_comes_twice_or_to_nothing_is_harmless(store: Store) -> None:
    (refused,) = append(store, "vote")
    for _ in range(2):
        store.outbox.settle([(refused, "rejected: once"), (uid(404), "applied"), (uid(405), "rejected: who?")])
    assert len(store.outbox.dead_letters()) == 1
    assert store.outbox.pending() == 0


def test_how_long_the_oldest_has_waited(store: Store, clock: ManualClock) -> None:
    assert store.outbox.pending_since_ms() is None
    append(store, "old")
    began_ms = clock.wall * 1000
    clock.advance(60)
    append(store, "new")
    assert store.outbox.pending_since_ms() == began_ms


@pytest.mark.parametrize("body", ["{torn", "[1, 2]", "null", ""])
def test_an_op_torn_on_the_card_still_leaves_and_holds_up_no_other(store: Store, body: str) -> None:
    append(store, "torn", "whole")
    with store.db.write() as conn:
        conn.execute("update ops set body = ? where type = 'torn'", (body,))
    torn, whole = store.outbox.batch(9)
    assert torn.body == {"unreadable": body}
    assert whole.body == {"kind": "whole"}
    assert store.bucket.settled()


def sent_ops(store: Store) -> list[str]:
    return [op.op_id for op in store.outbox.batch(99)]


def test_what_was_taken_goes_again_in_its_old_place_before_what_waits(store: Store) -> None:
    first, refused, second = append(store, "enrol", "vote", "vote")
    store.outbox.settle([(first, "applied"), (refused, "rejected:range"), (second, "superseded")], at_s=1_000.0)
    (waiting,) = append(store, "checkin")
    assert store.outbox.send_again() == 2
    assert sent_ops(store) == [first, second, waiting]
    assert store.outbox.send_again() == 0


def test_what_was_taken_is_kept_for_a_week_of_the_clouds_time(store: Store, clock: ManualClock) -> None:
    old, older = append(store, "vote", "vote")
    store.outbox.settle([(old, "applied"), (older, "applied")], at_s=1_000.0)
    clock.set_wall(clock.wall + 10 * 365 * 86_400)
    (new,) = append(store, "vote")
    store.outbox.settle([(new, "applied")], at_s=1_000.0 + KEEP_SENT_S - 1)
    (newer,) = append(store, "vote")
    store.outbox.settle([(newer, "applied")], at_s=1_000.0 + KEEP_SENT_S + 1)
    assert store.outbox.send_again() == 2
    assert sent_ops(store) == [new, newer]


def test_what_one_cloud_took_is_not_told_to_another(store: Store) -> None:
    store.outbox.belong_to("one")
    (op,) = append(store, "vote")
    store.outbox.settle([(op, "applied")])
    store.outbox.belong_to("one")
    assert store.outbox.send_again() == 1
    store.outbox.settle([(op, "applied")])
    store.outbox.belong_to("another")
    assert store.outbox.send_again() == 0


def test_what_is_answered_before_its_turn_leaves_and_goes_again_in_its_place(store: Store) -> None:
    first, second, third = append(store, "vote", "vote", "vote")
    store.outbox.settle([(second, "applied")], at_s=1_000.0)
    assert sent_ops(store) == [first, third]
    store.outbox.settle([(third, "applied"), (first, "applied")], at_s=1_000.0)
    assert store.outbox.pending() == 0
    assert store.outbox.send_again() == 3
    assert sent_ops(store) == [first, second, third]


def test_no_number_is_given_twice_when_all_that_had_one_have_left(store: Store) -> None:
    """Or the next op would be taken for an answered one, and never go."""
    (old,) = append(store, "vote")
    store.outbox.settle([(old, "applied")], at_s=1_000.0)
    (refused,) = append(store, "vote")
    store.outbox.settle([(refused, "rejected:range")], at_s=1_001.0 + 2 * KEEP_SENT_S)
    assert store.db.count("select count(*) from ops") == 0
    (waiting,) = append(store, "vote")
    assert sent_ops(store) == [waiting]


def test_a_queue_of_a_month_is_counted_without_reading_it(store: Store) -> None:
    ops = append(store, *["vote"] * (COUNTED + 5))
    store.outbox.settle([(op, "applied") for op in ops[:2]], at_s=1_000.0)
    assert store.outbox.pending() == COUNTED + 3
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    store.db.conn.set_progress_handler(count, 100)
    store.outbox.pending()
    few, steps = steps, 0
    append(store, *["vote"] * 4 * COUNTED)
    steps = 0
    store.outbox.pending()
    store.db.conn.set_progress_handler(None, 0)
    assert steps <= 1.2 * few


def test_a_verdict_of_our_own_shortens_no_memory(store: Store) -> None:
    taken, unreadable, later = append(store, "vote", "vote", "vote")
    store.outbox.settle([(taken, "applied")], at_s=1_000.0)
    store.outbox.settle([(unreadable, "rejected:unreadable")])
    store.outbox.settle([(later, "applied")], at_s=1_001.0)
    assert store.outbox.send_again() == 2


def test_what_was_queued_and_taken_before_an_update_keeps_its_place(tmp_path: Path) -> None:
    """The file as the version before made it."""
    path = file_before("0009_answered_in_place", tmp_path / "cosound.db")
    with closing(sqlite3.connect(path)) as conn, conn:
        op = "(seq, op_id, type, body, boot_id, mono_ms, wall_ms"
        conn.execute(f"insert into sent {op}, answered_at) values (7, 'taken', 'vote', '{{}}', 'b', 1, 1, 1000.0)")
        conn.execute(f"insert into outbox {op}) values (9, 'waiting', 'vote', '{{}}', 'b', 1, 1)")
        conn.execute(
            "insert into votes values ('v', 'guest', 'song', 5, null, 'screen', '[1, 0, 0, 0, 0]', 0, 'b', 1, 1, "
            "'waiting')"
        )
        conn.execute("insert into songs_playing values ('p', 'song', 12.0, 'b', 1, 4000, '')")
    with closing(Database(path)) as db:
        outbox = Outbox(db, ManualClock())
        assert [op.op_id for op in outbox.batch(9)] == ["waiting"]
        assert db.value("select op_seq from votes") == 9
        assert tuple(db.rows("select * from heard")[0]) == ("song", 4000, 4000)
        assert outbox.send_again() == 1
        assert [op.op_id for op in outbox.batch(9)] == ["taken", "waiting"]
