from __future__ import annotations

import pytest

from appliance.errors import InputError, UnknownThing
from appliance.store import Store
from appliance.store.identity import Identity
from tests.factories import RAIN, put_songs, song_row, tap, uid

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
