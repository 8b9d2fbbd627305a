"""Logins, and who may do what."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cloud_world import RAIN, Phone, World

from cloud_stub.login_tokens import signing_key

PASSWORD = "a password of some length"


def signed_up(world: World, email: str = "heron@example.org") -> Any:
    return world.client.post("/auth/v1/signup", json={"email": email, "password": PASSWORD})


def login(world: World, email: str, password: str) -> Any:
    body = {"email": email, "password": password}
    return world.client.post("/auth/v1/token?grant_type=password", json=body)


def test_a_login_has_supabases_shape(world: World) -> None:
    for reply in (signed_up(world), login(world, "Heron@example.org ", PASSWORD)):
        assert reply.status_code == 200
        answer = reply.json()
        assert {"access_token", "token_type", "expires_in", "user"} <= set(answer)
        assert answer["token_type"] == "bearer"
        claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
        assert (claims["aud"], claims["role"], claims["sub"]) == (
            "authenticated",
            "authenticated",
            answer["user"]["id"],
        )
        me = Phone(world.client, answer["access_token"]).me()
        assert (me["email"], me["roles"], me["session"]) == ("heron@example.org", [], None)
        assert me["display_name"]


@pytest.mark.parametrize("content", [b"", b"{}"])
def test_nothing_is_enough_to_be_a_listener(world: World, content: bytes) -> None:
    reply = world.client.post("/auth/v1/signup", content=content)
    assert reply.status_code == 200
    assert reply.json()["user"]["is_anonymous"] is True
    assert Phone(world.client, reply.json()["access_token"]).me()["email"] is None


@pytest.mark.parametrize(
    "body",
    [
        {"email": "heron@example.org"},
        {"password": PASSWORD},
        {"email": "heron", "password": PASSWORD},
        {"email": "heron@example.org", "password": "short"},
        {"email": "heron@example.org", "password": "x" * 10_000},
        {"email": 5, "password": PASSWORD},
    ],
)
def test_a_bad_sign_up_is_refused_in_one_line(world: World, body: dict[str, Any]) -> None:
    reply = world.client.post("/auth/v1/signup", json=body)
    assert reply.status_code == 422
    assert "\n" not in reply.json()["message"]
    assert PASSWORD not in reply.text


def test_an_address_has_one_login(world: World) -> None:
    assert signed_up(world).status_code == 200
    assert signed_up(world, "HERON@example.org").json()["error"] == "user_already_exists"


def test_a_wrong_password_and_an_unknown_address_look_the_same(world: World) -> None:
    signed_up(world)
    wrong, unknown = login(world, "heron@example.org", "wrong"), login(world, "kite@example.org", PASSWORD)
    assert wrong.status_code == unknown.status_code == 400
    assert wrong.json() == unknown.json()
    odd = world.client.post("/auth/v1/token?grant_type=magic", json={})
    assert (odd.status_code, odd.json()["error"]) == (400, "unsupported_grant_type")


def forged(world: World, change: Callable[[dict[str, Any]], tuple[dict[str, Any], Any, str]]) -> str:
    claims = jwt.decode(world.phone().token, options={"verify_signature": False})
    given, key, algorithm = change(claims)
    return jwt.encode(given, signing_key(world.settings.secret_key) if key is ... else key, algorithm)


@pytest.mark.parametrize(
    "change",
    [
        lambda claims: ({**claims, "aud": "anon"}, ..., "HS256"),
        lambda claims: ({**claims, "role": "service_role"}, ..., "HS256"),
        lambda claims: ({**claims, "iss": "https://elsewhere"}, ..., "HS256"),
        lambda claims: ({**claims, "exp": claims["iat"]}, ..., "HS256"),
        lambda claims: ({**claims, "sub": "00000000-0000-4000-8000-000000000000"}, ..., "HS256"),
        lambda claims: ({key: value for key, value in claims.items() if key != "exp"}, ..., "HS256"),
        lambda claims: ({key: value for key, value in claims.items() if key != "sub"}, ..., "HS256"),
        lambda claims: (claims, ..., "HS384"),
        lambda claims: (claims, None, "none"),
        lambda claims: (claims, b"another key that is long enough, surely", "HS256"),
    ],
)
def test_a_token_that_is_not_ours_opens_nothing(world: World, change: Any) -> None:
    token = forged(world, change)
    reply = Phone(world.client, token).get("/api/me")
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": "Bearer"}, {"Authorization": "Basic eA=="}, {"Authorization": "Bearer é".encode()}]
)
def test_without_a_token_nothing_opens(world: World, header: dict[str, Any]) -> None:
    assert world.client.get("/api/me", headers=header).status_code == 401


def test_a_login_ends(world: World) -> None:
    signed_up(world)
    phone = Phone(world.client, login(world, "heron@example.org", PASSWORD).json()["access_token"])
    world.time.advance(world.settings.login_life_s - 1)
    assert phone.get("/api/me").status_code == 200
    world.time.advance(1)
    assert phone.get("/api/me").json()["error"] == "expired_token"


SONG = "00000000-0000-4000-8000-000000000001"
ADMIN = [
    ("POST", "/api/admin/songs"),
    ("GET", "/api/admin/songs"),
    ("GET", f"/api/admin/songs/{SONG}"),
    ("DELETE", f"/api/admin/songs/{SONG}"),
    ("POST", "/api/admin/players"),
    ("GET", "/api/admin/players"),
    *((method, f"/api/admin/players/{SONG}{rest}") for method, rest in (
        ("GET", ""), ("PUT", "/library"), ("PUT", "/rules"), ("POST", "/token"), ("DELETE", "/token"),
        ("POST", "/address"), ("DELETE", "/address"), ("POST", "/claim"), ("GET", "/ops"), ("GET", "/plays"),
        ("GET", "/votes"), ("GET", "/sessions"), ("GET", "/queue"),
    )),
]  # fmt: skip


def test_every_staff_page_is_in_the_list(world: World) -> None:
    paths = world.client.get("/openapi.json").json()["paths"]
    known = {(method, path.replace(SONG, "{}")) for method, path in ADMIN}
    there = {
        (method.upper(), path.replace("{song_id}", "{}").replace("{player_id}", "{}"))
        for path, methods in paths.items()
        for method in methods
        if path.startswith("/api/admin")
    }
    assert there == known


@pytest.mark.parametrize(("method", "path"), ADMIN)
def test_staff_pages_are_for_staff(world: World, method: str, path: str) -> None:
    box, phone = world.box(), world.phone()
    for headers, status in (({}, 401), (box.headers, 401), (phone.headers, 403)):
        assert world.client.request(method, path, headers=headers).status_code == status


def test_a_manager_sees_their_own_rooms_only(world: World) -> None:
    admin, mine, other = world.staff(), world.staff("manager"), world.staff("manager")
    made = mine.post("/api/admin/players", name="Mine").json()
    world.box("Nobody's")
    assert [player["name"] for player in mine.get("/api/admin/players").json()] == ["Mine"]
    assert other.get("/api/admin/players").json() == []
    assert len(admin.get("/api/admin/players").json()) == 2
    for rest in ("", "/ops", "/plays", "/votes", "/sessions", "/queue"):
        assert mine.get(f"/api/admin/players/{made['id']}{rest}").status_code == 200
        assert other.get(f"/api/admin/players/{made['id']}{rest}").status_code == 404
    assert other.post(f"/api/admin/players/{made['id']}/token").status_code == 404


def test_a_rooms_token_is_shown_once_and_rotated(world: World) -> None:
    admin = world.staff()
    made = admin.post("/api/admin/players", name="Lobby").json()
    assert set(made) == {"id", "name", "token"}
    assert made["token"] not in admin.get(f"/api/admin/players/{made['id']}").text
    old, new = made["token"], admin.post(f"/api/admin/players/{made['id']}/token").json()["token"]
    statuses = [world.client.get("/api/player/queue", headers={"X-API-Key": token}).status_code for token in (old, new)]
    assert statuses == [401, 200]
    kept = str(world.read(lambda tx: tx.all("select * from player_tokens")))
    assert old[4:12] in kept
    assert old not in kept
    assert new not in kept


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "x" * 200}, {"name": 5}])
def test_a_room_needs_a_name(world: World, body: dict[str, Any]) -> None:
    assert world.staff().post("/api/admin/players", **body).status_code == 422


def test_one_listener_never_sees_anothers(world: World) -> None:
    rain, box = world.song("Rain", RAIN), world.box()
    first, second = world.phone(), world.phone()
    world.check_in(first, box)
    box.hears((rain, 1.0))
    first.post("/api/votes", song_id=rain, vote_value=5)
    assert second.me()["session"] is None
    assert second.me()["preference_vector"] == [0.0] * 5
    assert first.me()["id"] not in world.client.get(f"/api/rooms/{box.player_id}").text


def test_no_secret_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    box, phone = world.box(), world.phone()
    box.queue()
    box.pull()
    world.check_in(phone, box)
    signed_up(world)
    login(world, "heron@example.org", PASSWORD)
    ours = [record.getMessage() for record in caplog.records]
    for secret in (box.token, phone.token, PASSWORD, world.settings.secret_key):
        assert not [line for line in ours if secret in line]


def test_check_in_is_a_stay_of_an_hour_that_never_toggles(world: World) -> None:
    box, other, phone = world.box(), world.box("Bar"), world.phone()
    first = world.check_in(phone, box).json()
    assert (first["status"], first["room"], first["here"]) == ("active", "Lobby", 1)
    assert first["expires_at"] == world.time.s + 3600
    world.time.advance(600)
    again = world.check_in(phone, box).json()
    assert (again["session_id"], again["expires_at"]) == (first["session_id"], world.time.s + 3600)
    moved = world.check_in(phone, other).json()
    assert moved["session_id"] != first["session_id"]
    assert world.client.get(f"/api/rooms/{box.player_id}").json()["here"] == 0
    assert phone.me()["session"]["player_id"] == other.player_id
    assert phone.post("/api/checkout").json()["status"] == "inactive"
    assert phone.post("/api/checkout").json()["session_id"] is None
    assert phone.me()["session"] is None


@pytest.mark.parametrize(
    ("body", "status"), [({}, 422), ({"player_id": "x"}, 422), ({"player_id": 5}, 422), ({"player_id": SONG}, 404)]
)
def test_a_room_that_is_none_cannot_be_entered(world: World, body: dict[str, Any], status: int) -> None:
    reply = world.phone().post("/api/checkin", **body)
    assert reply.status_code == status
    assert "\n" not in reply.json()["message"]
