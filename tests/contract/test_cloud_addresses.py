"""The address on a room's sign: signed by the cloud, told to the box, needed to check in, and renewed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from cloud_world import Box, Copy, Phone, World, cloud_world

from cloud_stub.addresses import SETTING, publish

PUBLIC = "https://listen.example"


def enter(phone: Phone, box: Box, signature: str | None) -> tuple[int, str | None]:
    reply = phone.post("/api/checkin", player_id=box.player_id, **({} if signature is None else {"s": signature}))
    return reply.status_code, reply.json().get("error")


def told(box: Box) -> Any:
    copy = Copy(box)
    copy.sync()
    return copy.table("settings").get(SETTING, {}).get("value")


def test_who_was_never_in_the_room_does_not_enter(world: World) -> None:
    box, phone = world.box(), world.phone()
    signatures: list[Any] = [None, "", "AAAAAAAAAAAAAAAA", "é", 5, ["x"], "A" * 5000]
    assert {enter(phone, box, signature) for signature in signatures} == {(403, "unsigned")}
    assert world.client.get(f"/api/rooms/{box.player_id}").json()["here"] == 0


def test_the_sign_of_one_room_opens_no_other(world: World) -> None:
    box, other = world.box(), world.box("Bar")
    assert enter(world.phone(), other, world.signature(box)) == (403, "unsigned")
    assert enter(world.phone(), box, world.signature(box)) == (200, None)


def test_who_is_in_stays_on_without_a_sign_and_comes_back_with_one(world: World) -> None:
    box, phone = world.box(), world.phone()
    enter(phone, box, world.signature(box))
    world.time.advance(600)
    assert enter(phone, box, None) == (200, None)
    assert phone.me()["session"]["expires_at"] == world.time.s + 3600
    phone.post("/api/checkout")
    assert enter(phone, box, None) == (403, "unsigned")


def test_a_new_sign_ends_the_old_one_at_once_or_when_it_is_retired(world: World) -> None:
    box, staff = world.box(), world.staff()
    first = world.signature(box)
    path = f"/api/admin/players/{box.player_id}/address"
    assert staff.post(f"{path}?overlap=true").json()["address"].endswith(second := world.signature(box))
    assert [enter(world.phone(), box, one)[0] for one in (first, second)] == [200, 200]
    assert world.client.request("DELETE", path, headers=staff.headers).status_code == 204
    assert [enter(world.phone(), box, one)[0] for one in (first, second)] == [403, 200]
    staff.post(path)
    assert [enter(world.phone(), box, one)[0] for one in (second, world.signature(box))] == [403, 200]


def test_only_the_rooms_own_staff_renew_its_sign(world: World) -> None:
    box = world.box()
    before = world.signature(box)
    for who, status in ((world.phone(), 403), (world.staff("manager"), 404)):
        assert who.post(f"/api/admin/players/{box.player_id}/address").status_code == status
        reply = world.client.request("DELETE", f"/api/admin/players/{box.player_id}/address", headers=who.headers)
        assert reply.status_code == status
    assert world.signature(box) == before


def test_a_box_is_told_its_address_and_every_new_one(world: World) -> None:
    staff = world.staff()
    made = staff.post("/api/admin/players", name="Bar").json()
    box = Box(world.door, world.time, made["id"], made["token"])
    assert told(box) == f"/r/{box.player_id}?s={world.signature(box)}"
    shown = staff.post(f"/api/admin/players/{box.player_id}/address").json()["address"]
    assert told(box) == shown == staff.get(f"/api/admin/players/{box.player_id}").json()["address"]


def test_it_is_said_once(world: World) -> None:
    box = world.box()
    for _ in range(2):
        world.write(publish, world.settings.secret_key, PUBLIC, world.time.s)
    assert told(box) == f"{PUBLIC}/r/{box.player_id}?s={world.signature(box)}"
    rev = box.pull()["next"]
    world.write(publish, world.settings.secret_key, PUBLIC, world.time.s)
    assert box.pull()["next"] == rev


def test_rooms_from_before_there_were_signs_get_one_when_the_server_starts(tmp_path: Path) -> None:
    with cloud_world(tmp_path) as world:
        box = world.box()
        assert told(box) is None
    with cloud_world(tmp_path) as world:
        again = replace(box, door=world.door, time=world.time)
        assert told(again) == f"/r/{box.player_id}?s={world.signature(box)}"
