from __future__ import annotations

import httpx
import pytest
from sync_fake_cloud import FakeCloud, song_id

from appliance.clock import ManualClock
from appliance.store import Store
from sync.errors import LinkDown, NotAuthorised
from sync.push import push_once


def play(store: Store, count: int = 1) -> None:
    with store.db.write():
        for _ in range(count):
            store.scenes.begin_play(song_id("rain"), 10.0)


def spoil(store: Store, **columns: object) -> None:
    """An op as a damaged card or an older version may have left it."""
    row = {"op_id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "type": "play", "body": "{}", "boot_id": "b",
           "mono_ms": 1, "wall_ms": 1} | columns  # fmt: skip
    store.db.tables["ops"].insert(row)


def test_everything_pending_is_sent_in_order_and_leaves_the_outbox(
    store: Store, fake: FakeCloud, clock: ManualClock
) -> None:
    play(store, 450)
    report = push_once(store, fake.cloud(), clock)
    assert (report.answered, report.verdicts, store.outbox.pending()) == (450, {"applied": 450}, 0)
    assert len(fake.requests) == 3
    assert [op["seq"] for op in fake.facts] == list(range(1, 451))


def test_the_request_says_when_now_is_and_each_op_when_it_happened(
    store: Store, fake: FakeCloud, clock: ManualClock
) -> None:
    play(store)
    clock.advance(30)
    push_once(store, fake.cloud(), clock)
    body = httpx.Response(200, content=fake.requests[0].content).json()
    assert body["boot_id"] == body["ops"][0]["boot_id"] == "test-boot"
    assert body["mono_ms"] - body["ops"][0]["mono_ms"] == 30_000


def test_a_lost_reply_is_repeated_and_counts_once(store: Store, fake: FakeCloud, clock: ManualClock) -> None:
    play(store, 3)

    def lose_reply(request: httpx.Request) -> httpx.Response:
        fake.answer(request)
        raise httpx.ReadTimeout("lost")

    with pytest.raises(LinkDown, match="no answer in time"):
        push_once(store, fake.cloud(lose_reply), clock)
    assert store.outbox.pending() == 3
    assert push_once(store, fake.cloud(), clock).answered == 3
    assert len(fake.facts) == 3


def test_a_cloud_that_forgot_what_it_took_is_told_again_before_what_is_new(
    store: Store, fake: FakeCloud, clock: ManualClock
) -> None:
    play(store, 2)
    push_once(store, fake.cloud(), clock)
    backup = fake.backup()
    play(store, 3)
    push_once(store, fake.cloud(), clock)
    fake.restore(backup)
    play(store, 4)
    report = push_once(store, fake.cloud(), clock)
    assert (report.restarts, report.answered) == (1, 9)
    assert [op["seq"] for op in fake.facts] == list(range(1, 10))
    assert store.outbox.heard() == 9


def test_a_cloud_that_forgets_for_ever_is_left(store: Store, fake: FakeCloud, clock: ManualClock) -> None:
    play(store)
    lost = {"results": [], "server_time": 1.0, "seen": 0, "restored": True}
    with pytest.raises(LinkDown, match="again and again"):
        push_once(store, fake.cloud(lambda _: httpx.Response(200, json=lost)), clock)
    assert store.outbox.pending() == 1


def test_a_refused_batch_is_halved_until_each_part_passes(store: Store, fake: FakeCloud, clock: ManualClock) -> None:
    fake.max_ops = 3
    play(store, 20)
    assert push_once(store, fake.cloud(), clock).verdicts == {"applied": 20}
    assert len(fake.facts) == 20


def test_one_op_that_the_cloud_refuses_to_read_becomes_a_dead_letter_alone(
    store: Store, fake: FakeCloud, clock: ManualClock
) -> None:
    play(store, 4)
    spoil(store)
    play(store, 4)

    def choke(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(422, json={"detail": "no"}) if b"6f9619ff" in request.content else None

    report = push_once(store, fake.cloud(choke), clock)
    assert report.verdicts == {"applied": 8, "rejected": 1}
    assert [(row["verdict"], row["body"]) for row in store.outbox.dead_letters()] == [("rejected:invalid", "{}")]


def test_a_rejected_op_is_a_dead_letter_and_the_rest_goes_on(store: Store, fake: FakeCloud, clock: ManualClock) -> None:
    spoil(store, body='{"play_id": 7}')
    play(store)
    report = push_once(store, fake.cloud(), clock)
    assert (report.rejected, report.verdicts["applied"], store.outbox.pending()) == (1, 1, 0)


def test_an_op_that_we_cannot_read_ourselves_does_not_stop_the_others(
    store: Store, fake: FakeCloud, clock: ManualClock
) -> None:
    spoil(store, op_id="not an id")
    play(store)
    assert push_once(store, fake.cloud(), clock).verdicts == {"rejected": 1, "applied": 1}
    assert store.outbox.dead_letters()[0]["verdict"] == "rejected:unreadable"


def test_an_outbox_row_whose_body_is_no_json_is_a_dead_letter_too(
    store: Store, fake: FakeCloud, clock: ManualClock
) -> None:
    spoil(store, body='{"torn')
    play(store)
    assert push_once(store, fake.cloud(), clock).verdicts == {"rejected": 1, "applied": 1}


def test_large_ops_travel_in_batches_below_the_limit(store: Store, fake: FakeCloud, clock: ManualClock) -> None:
    with store.db.write():
        for _ in range(5):
            store.outbox.append("play", {"padding": "x" * 100_000})
    push_once(store, fake.cloud(), clock)
    assert [len(request.content) < 256 << 10 for request in fake.requests] == [True] * 3


def test_a_refused_token_keeps_the_outbox(store: Store, fake: FakeCloud, clock: ManualClock) -> None:
    fake.token = "another"
    play(store)
    with pytest.raises(NotAuthorised, match=r"cloud\.token"):
        push_once(store, fake.cloud(), clock)
    assert store.outbox.pending() == 1


def test_a_reply_without_verdicts_is_no_reason_to_ask_for_ever(
    store: Store, fake: FakeCloud, clock: ManualClock
) -> None:
    play(store)
    mute = fake.cloud(lambda _: httpx.Response(200, json={"results": [], "server_time": 1.0}))
    with pytest.raises(LinkDown, match="verdict on none"):
        push_once(store, mute, clock)
    assert store.outbox.pending() == 1


def test_verdicts_on_ops_that_we_did_not_send_are_nothing(store: Store, fake: FakeCloud, clock: ManualClock) -> None:
    play(store)

    def foreign(request: httpx.Request) -> httpx.Response:
        body = fake.answer(request).json()
        stray = {"op_id": song_id("stray"), "status": "rejected:x"}
        return httpx.Response(200, json=body | {"results": [*body["results"], stray]})

    assert push_once(store, fake.cloud(foreign), clock).verdicts == {"applied": 1}
    assert store.outbox.dead_letters() == []


def test_an_id_that_is_spelt_otherwise_settles_all_the_same(store: Store, fake: FakeCloud, clock: ManualClock) -> None:
    body = '{"play_id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "song_id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"}'
    spoil(store, op_id="6F9619FF8B864D01B42D00CF4FC964FF", body=body)
    assert push_once(store, fake.cloud(), clock).verdicts == {"applied": 1}
    assert store.outbox.pending() == 0
