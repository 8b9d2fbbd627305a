from __future__ import annotations

import pytest

from appliance.clock import ManualClock
from appliance.store import Store
from appliance.store.outbox import KEEP_SENT_S
from tests.factories import settle_all, uid


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
        conn.execute("update outbox set body = ? where type = 'torn'", (body,))
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
