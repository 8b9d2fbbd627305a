"""Taking one's history along, as far as the box goes."""

from __future__ import annotations

from hashlib import sha256

import pytest

from appliance import handover
from appliance.errors import InputError, UnknownThing
from appliance.store import Store
from appliance.store.bucket import BucketChange
from tests.factories import settle_all, tap

CLOUD = "https://cosound.example/"


def profile_of(store: Store) -> str:
    listener = tap(store, "card").listener
    assert listener is not None
    return listener.id


def told(store: Store, address: str) -> None:
    row = {"key": handover.ROOM_URL, "value": address}
    store.bucket.apply([BucketChange("settings", handover.ROOM_URL, "put", row)], epoch="e", rev=1)


def test_an_offer_is_an_address_and_a_fact_that_does_not_give_it_away(store: Store) -> None:
    profile_id = profile_of(store)
    base, _, token = handover.offer(store, CLOUD, profile_id).partition("/link#")
    assert (base, len(token)) == ("https://cosound.example", 22)
    (op,) = [op for op in store.outbox.batch(10) if op.type == "link"]
    assert op.body == {"profile_id": profile_id, "token_hash": sha256(token.encode()).hexdigest()}
    assert token not in "\n".join(store.db.conn.iterdump())
    assert handover.offer(store, CLOUD, profile_id).rpartition("#")[2] != token


def test_the_cloud_says_where_phones_reach_it(store: Store) -> None:
    told(store, "https://listen.example/r/1?s=x")
    assert handover.public_address(store, CLOUD) == "https://listen.example"
    told(store, "/r/1?s=x")
    assert handover.public_address(store, CLOUD) == "https://cosound.example"


def test_without_a_cloud_there_is_nowhere_to_go_and_a_stranger_has_nothing(store: Store) -> None:
    with pytest.raises(InputError, match="no cloud"):
        handover.offer(store, "", profile_of(store))
    with pytest.raises(UnknownThing):
        handover.offer(store, CLOUD, "99999999-9999-4999-8999-999999999999")
    assert [op.type for op in store.outbox.batch(10)] == ["enrol", "checkin"]


def test_a_typed_code_is_answered_once_and_a_refusal_is_not_kept(store: Store) -> None:
    identity, profile_id = handover.identity(store), profile_of(store)
    op_id = identity.link(profile_id, "042424")
    assert identity.take_answer(op_id) is None
    store.outbox.settle([(op_id, "rejected:unknown_code")])
    assert identity.take_answer(op_id) == "unknown_code"
    assert store.outbox.dead_letters() == []
    right = identity.link(profile_id, "042425")
    settle_all(store)
    assert identity.take_answer(right) == ""
