"""A listener asks a box to be forgotten, or for their history to go to a web profile."""

from __future__ import annotations

from uuid import uuid4

from cloud_world import RAIN, World, enrolled, stay, vote

from cloud_stub.repositories import profiles


def test_forgotten_is_gone_from_the_cloud_and_from_every_box(world: World) -> None:
    box, other = world.box(), world.box()
    rain, profile_id, neighbour = world.song("Rain", RAIN), enrolled(box), enrolled(box, "d" * 64)
    box.push(box.op("checkin", stay(profile_id)), box.op("vote", vote(profile_id, rain)))
    before = other.pull(epoch="", since=0)
    assert ("profiles", profile_id) in {(change["tbl"], change["pk"]) for change in before["changes"]}
    assert box.push(box.op("forget", {"profile_id": profile_id})) == ["applied"]
    assert world.read(profiles.find, profile_id) is None
    assert world.read(profiles.find, neighbour) is not None
    gone = {
        change["tbl"]: change["op"] for change in other.pull(epoch=before["epoch"], since=before["next"])["changes"]
    }
    assert gone == {"tags": "del", "profiles": "del"}
    assert box.push(box.op("forget", {"profile_id": profile_id})) == ["superseded"]


def test_no_code_is_known_yet(world: World) -> None:
    box = world.box()
    profile_id = enrolled(box)
    assert box.push(box.op("link", {"profile_id": profile_id, "code": "042424"})) == ["rejected:unknown_code"]
    assert box.push(box.op("link", {"profile_id": str(uuid4()), "code": "42"})) == ["rejected:body"]
