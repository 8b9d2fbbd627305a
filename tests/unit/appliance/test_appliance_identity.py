from __future__ import annotations

import pytest

from appliance.errors import InputError, UnknownThing
from appliance.store import Store
from appliance.store.identity import Identity
from tests.factories import RAIN, SEA, profile_row, put, put_songs, settle_all, song_row, tap, uid

STRANGER = "99999999-9999-4999-8999-999999999999"


@pytest.fixture
def identity(store: Store) -> Identity:
    return Identity(store.db, store.clock, store.outbox)


def profile_of(store: Store, card: str) -> str:
    result = tap(store, card)
    assert result.listener is not None
    return str(result.listener.id)


def test_forgotten_is_gone_everywhere_and_leaves_a_receipt(store: Store, identity: Identity) -> None:
    put_songs(store, song_row(1, embedding=RAIN))
    gone, stays = profile_of(store, "a" * 32), profile_of(store, "b" * 32)
    store.people.record_vote(gone, uid(1), 5, RAIN)
    store.outbox.settle([(store.outbox.batch(1)[0].op_id, "rejected:no")])
    receipt = identity.forget(gone)
    kept = "\n".join(line for line in store.db.conn.iterdump() if receipt not in line)
    assert gone not in kept
    assert stays in kept
    (op,) = [op for op in store.outbox.batch(100) if op.op_id == receipt]
    assert (op.type, op.body) == ("forget", {"profile_id": gone})
    assert [op.type for op in store.outbox.batch(100)] == ["enrol", "checkin", "forget"]
    assert store.people.here() == 1


def test_the_same_card_is_a_newcomers_afterwards(store: Store, identity: Identity) -> None:
    first = profile_of(store, "a" * 32)
    identity.forget(first)
    again = tap(store, "a" * 32)
    assert again.new_listener
    assert again.listener is not None
    assert again.listener.id != first


def test_a_code_travels_with_whose_history_it_is_for(store: Store, identity: Identity) -> None:
    listener = profile_of(store, "a" * 32)
    op_id = identity.link(listener, "042424")
    assert store.outbox.batch(100)[-1].op_id == op_id
    assert store.outbox.batch(100)[-1].body == {"profile_id": listener, "code": "042424"}
    for code in ("42424", "0424245", "٠٤٢٤٢٤", "abcdef", ""):
        with pytest.raises(InputError, match="six digits"):
            identity.link(listener, code)


def test_a_stranger_has_nothing_to_hand_over_or_forget(store: Store, identity: Identity) -> None:
    for ask in (lambda: identity.forget(STRANGER), lambda: identity.link(STRANGER, "042424")):
        with pytest.raises(UnknownThing, match="tap in first"):
            ask()
    assert store.outbox.pending() == 0


def owner(store: Store, card: str) -> str:
    return str(store.db.value("select profile_id from tags where key_hash = ?", f"{card:-<64}"))


def test_merged_they_are_one_person_here_at_once(store: Store, identity: Identity) -> None:
    put_songs(store, song_row(1, embedding=RAIN), song_row(2, embedding=SEA))
    away, into = profile_of(store, "a" * 32), profile_of(store, "b" * 32)
    store.people.record_vote(away, uid(1), 5, RAIN)
    store.people.record_vote(into, uid(2), 5, SEA)
    op_id = identity.merge(away, into)
    op = store.outbox.batch(100)[-1]
    assert (op.op_id, op.type, op.body) == (op_id, "merge", {"profile_id": away, "into_id": into})
    (person,) = store.people.present()
    assert (person.listener.id, len(person.pending)) == (into, 2)
    assert [owner(store, card * 32) for card in "ab"] == [into, into]
    store.people.record_vote(away, uid(1), 4, RAIN)
    assert store.outbox.batch(100)[-1].body["profile_id"] == into, "a hand that still holds the old name"


def test_the_tastes_that_the_cloud_gave_are_joined_until_it_says_more(store: Store, identity: Identity) -> None:
    away, into = profile_of(store, "a" * 32), profile_of(store, "b" * 32)
    rows = [profile_row(away, vector=RAIN, rev=7), profile_row(into, vector=SEA, rev=3)]
    store.bucket.apply([put("profiles", row["id"], row) for row in rows], epoch="e", rev=9)
    identity.merge(away, into)
    joined = store.people.listener(away)
    assert joined is not None and (joined.id, joined.taste_rev) == (into, 7)
    assert joined.preference_vector[:2] == pytest.approx((0.5**0.5, 0.5**0.5))


def test_a_chain_of_merges_ends_at_its_end_and_no_loop_is_made(store: Store, identity: Identity) -> None:
    a, b, c = (profile_of(store, card * 32) for card in "abc")
    identity.merge(a, b)
    identity.merge(b, c)
    assert [owner(store, card * 32) for card in "abc"] == [c, c, c]
    for one, two in ((a, b), (c, a), (c, c)):
        with pytest.raises(InputError, match="both cards are"):
            identity.merge(one, two)
    assert [op.type for op in store.outbox.batch(100)].count("merge") == 2


def test_whoever_is_forgotten_is_so_with_all_that_they_were(store: Store, identity: Identity) -> None:
    away, into = profile_of(store, "a" * 32), profile_of(store, "b" * 32)
    identity.merge(away, into)
    receipt = identity.forget(into)
    ops = store.outbox.batch(100)
    assert [(op.type, op.body["profile_id"]) for op in ops] == [("forget", away), ("forget", into)]
    assert ops[-1].op_id == receipt
    kept = "\n".join(line for line in store.db.conn.iterdump() if not line.startswith('INSERT INTO "ops"'))
    assert away not in kept and into not in kept


def test_an_older_word_of_the_cloud_does_not_part_them_again(store: Store, identity: Identity) -> None:
    away, into = profile_of(store, "a" * 32), profile_of(store, "b" * 32)
    identity.merge(away, into)
    key_hash = f"{'a' * 32:-<64}"
    older = [
        put("profiles", away, profile_row(away)),
        put("tags", key_hash, {"key_hash": key_hash, "profile_id": away}),
    ]
    store.bucket.apply(older, epoch="e", rev=2)
    assert (owner(store, "a" * 32), len(store.people.present())) == (into, 1)
    settle_all(store)
    store.bucket.apply(older, epoch="e", rev=3)  # it is asked, and says that they are two
    assert owner(store, "a" * 32) == away


def test_the_cloud_may_find_it_the_other_way_round(store: Store, identity: Identity) -> None:
    """It keeps the one that has a login, which no box knows."""
    away, into = profile_of(store, "a" * 32), profile_of(store, "b" * 32)
    identity.merge(away, into)
    settle_all(store)
    swapped = put("merges", into, {"profile_id": into, "into_id": away})
    store.bucket.apply([swapped, put("profiles", away, profile_row(away))], epoch="e", rev=2)
    assert [owner(store, card * 32) for card in "ab"] == [away, away]
    assert [person.listener.id for person in store.people.present()] == [away]
