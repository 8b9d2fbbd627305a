"""What opens the doors: tokens that overlap while they change, codes that work once, and knocking too often."""

from __future__ import annotations

from typing import Any

import pytest
from cloud_world import RAIN, Box, World

from cloud_stub import strangers
from cloud_stub.repositories import claims, logins, players
from cloud_stub.tokens import new_token


def opens(world: World, token: str) -> bool:
    status = world.client.get("/api/player/queue", headers={"X-API-Key": token}).status_code
    assert status in (200, 401)
    return status == 200


def test_a_box_changes_its_token_without_a_moment_locked_out(world: World) -> None:
    box = world.box()
    new = world.client.post("/api/player/token", headers=box.headers).json()["token"]
    assert opens(world, box.token)
    assert opens(world, new)
    assert not opens(world, box.token)
    assert opens(world, new)


def test_a_new_token_that_never_arrived_leaves_the_old_one_for_a_week(world: World) -> None:
    box = world.box()
    lost = [world.client.post("/api/player/token", headers=box.headers).json()["token"] for _ in range(2)]
    world.time.advance(players.OVERLAP_S - 1)
    assert opens(world, box.token)
    world.time.advance(1)
    assert not opens(world, box.token)
    assert opens(world, lost[1])


def test_staff_may_lock_a_box_out_at_once(world: World) -> None:
    staff, box = world.staff(), world.box()
    other = staff.post(f"/api/admin/players/{box.player_id}/token?overlap=true").json()["token"]
    assert opens(world, box.token)
    path = f"/api/admin/players/{box.player_id}/token"
    assert world.client.request("DELETE", path, headers=staff.headers).status_code == 204
    assert not opens(world, box.token)
    assert not opens(world, other)


def claimed(world: World, code: Any) -> Any:
    return world.client.post("/api/player/claim", json={"code": code})


def code_for(world: World, box: Box) -> str:
    reply = world.staff().post(f"/api/admin/players/{box.player_id}/claim")
    assert (reply.status_code, reply.json()["expires_in"]) == (201, 600)
    code: str = reply.json()["code"]
    return code


def test_a_code_brings_a_box_its_token_once(world: World) -> None:
    box = world.box()
    code = code_for(world, box)
    assert len(code) == 8
    answer = claimed(world, f"{code[:4]}-{code[4:]}".lower().replace("0", "o").replace("1", "l"))
    assert answer.status_code == 200
    assert (answer.json()["id"], answer.json()["name"]) == (box.player_id, "Lobby")
    assert opens(world, answer.json()["token"])
    assert not opens(world, box.token)
    assert claimed(world, code).json()["error"] == "bad_code"
    assert code not in str(world.read(lambda tx: tx.all("select * from claim_codes")))


def test_a_code_ends_and_a_newer_one_ends_it(world: World) -> None:
    box = world.box()
    first, second = code_for(world, box), code_for(world, box)
    assert claimed(world, first).status_code == 403
    world.time.advance(claims.LIFE_S)
    assert claimed(world, second).status_code == 403


@pytest.mark.parametrize("code", ["", "x" * 41, 5, None, {"a": 1}])
def test_what_is_no_code_opens_nothing(world: World, code: Any) -> None:
    assert claimed(world, code).status_code in (403, 422)


def refused_until_later(world: World, ask: Any, times: int, status: int) -> int:
    """Asks until it is too often; returns when to come back."""
    for _ in range(times):
        assert ask().status_code == status
    answer = ask()
    assert (answer.status_code, answer.json()["error"]) == (429, "too_often")
    wait_s = int(answer.headers["retry-after"])
    assert f"{wait_s} s" in answer.json()["message"]
    world.time.advance(wait_s)
    assert ask().status_code == status
    return wait_s


def test_codes_cannot_be_guessed(world: World) -> None:
    assert refused_until_later(world, lambda: claimed(world, "AAAAAAAA"), 5, 403) == 600
    assert world.read(lambda tx: [row["who"] for row in tx.all("select who from attempts")]) != ["127.0.0.1"]


def test_passwords_cannot_be_guessed_and_a_right_one_clears_the_count(world: World) -> None:
    body = {"email": "heron@example.org", "password": "a password of some length"}
    world.client.post("/auth/v1/signup", json=body)
    address = "/auth/v1/token?grant_type=password"
    user = world.read(logins.find_by_email, body["email"])
    right, quick_to_refuse = user["password_hash"], "scrypt$2$8$1$00$00"

    def log_in(stored: str = quick_to_refuse) -> Any:
        world.write(logins.set_password, user["id"], stored)
        return world.client.post(address, json=body)

    assert refused_until_later(world, log_in, 10, 400) == 300
    assert [log_in().status_code for _ in range(8)] == [400] * 8
    assert log_in(right).status_code == 200
    assert [log_in().status_code for _ in range(10)] == [400] * 10


def test_tokens_cannot_be_guessed_and_a_known_box_is_not_held_up(world: World) -> None:
    known, fresh = world.box(), world.box("Fresh")
    assert opens(world, known.token)

    def guess() -> Any:
        return world.client.get("/api/player/queue", headers={"X-API-Key": new_token().text})

    for _ in range(strangers.TIMES):
        assert guess().status_code == 401
    refused = guess()
    assert (refused.status_code, refused.json()["success"]) == (429, False)
    assert int(refused.headers["retry-after"]) == 60
    pulled = world.client.get("/api/sync/v1/pull", headers=fresh.headers)
    assert (pulled.status_code, pulled.json()["error"], pulled.headers["retry-after"]) == (429, "too_often", "60")
    world.client.portal.call(world.services.look_elsewhere)
    assert opens(world, known.token)
    world.time.advance(60)
    assert opens(world, fresh.token)
    assert guess().status_code == 401


def test_nobody_votes_more_than_thirty_times_a_minute(world: World) -> None:
    rain, box, phone = world.song("Rain", RAIN), world.box(), world.phone()
    world.check_in(phone, box)

    def rate() -> Any:
        box.hears((rain, 1.0))
        return phone.post("/api/votes", song_id=rain, vote_value=4)

    assert refused_until_later(world, rate, 30, 200) == 60
