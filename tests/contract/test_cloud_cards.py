"""Cards in the cloud: how far they have counted, and what they are called, everywhere the same."""

from __future__ import annotations

from uuid import uuid4

import doors
from cloud_world import Box, Copy, World, enrolled

from cloud_stub.repositories import cards

pytestmark = doors.BOTH
OLD, NEW = "a" * 64, "b" * 64


def counted(box: Box, profile_id: str, key_hash: str, counter: int | None, **more: object) -> str:
    (verdict,) = box.push(box.op("card", {"profile_id": profile_id, "key_hash": key_hash, "counter": counter, **more}))
    return verdict


def tags(box: Box) -> dict[str, int | None]:
    copy = Copy(box)
    copy.sync()
    return {pk: row["counter"] for pk, row in copy.table("tags").items()}


def test_what_a_card_has_counted_to_is_known_in_every_room_and_never_falls(world: World) -> None:
    box, other, profile_id = world.box(), world.box("Bar"), str(uuid4())
    body = {"profile_id": profile_id, "display_name": "Heron", "key_hash": OLD, "counter": 5}
    assert box.push(box.op("enrol", body)) == ["applied"]
    assert tags(other) == {OLD: 5}
    assert counted(box, profile_id, OLD, 9) == "applied"
    assert counted(other, profile_id, OLD, 7) == "applied", "an older tap that comes late"
    assert tags(box) == tags(other) == {OLD: 9}


def test_an_address_is_used_up_by_whoever_hears_it_first(world: World) -> None:
    box = world.box()
    profile_id = enrolled(box, OLD)
    counted(box, profile_id, OLD, 5)
    assert not world.write(cards.count, OLD, 5, world.time.s)
    assert world.write(cards.count, OLD, 6, world.time.s)
    assert tags(box) == {OLD: 6}


def test_a_card_gets_its_new_name_everywhere_and_its_person_stays(world: World) -> None:
    box, other = world.box(), world.box("Bar")
    profile_id = enrolled(box, OLD)
    assert counted(box, profile_id, OLD, None, new_hash=NEW, new_version=2) == "applied"
    assert tags(other) == {NEW: None}
    assert world.read(cards.owner, NEW) == profile_id
    again = counted(other, profile_id, OLD, 3, new_hash=NEW, new_version=2)
    assert (again, tags(box)) == ("applied", {NEW: 3}), "two boxes met it while apart"


def test_a_card_that_nobody_knows_is_passed_over(world: World) -> None:
    box = world.box()
    assert counted(box, str(uuid4()), OLD, 3) == "superseded"
    assert counted(box, str(uuid4()), OLD, 3, new_hash=NEW) == "superseded"
    assert counted(box, str(uuid4()), OLD, 1 << 24) == "rejected:body"
    assert tags(box) == {}
