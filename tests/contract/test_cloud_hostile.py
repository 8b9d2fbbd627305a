"""What nobody well-meaning sends: the answer is a refusal in one line, never a 5xx, and nothing is stored by it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from cloud_world import RAIN, Box, Phone, World, enrolled, stay, vote

from cloud_stub.limits import JSON_MAX_BYTES
from cloud_stub.repositories import queue

ANY_ID = "00000000-0000-4000-8000-000000000001"
DEEP = b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
BODIES: dict[str, bytes] = {
    "deep": DEEP,
    "deep alone": b"[" * 100_000,
    "NaN": b'{"vote_value": NaN, "player_id": NaN, "code": NaN, "mono_ms": NaN, "audible": NaN, "name": Infinity}',
    "twice": b'{"player_id": 1, "player_id": 2, "name": "a", "name": "b", "vote_value": 1, "vote_value": 9}',
    "not utf-8": b'{"name": "\xff\xfe", "email": "\xff"}',
    "NUL": b'{"name": "a\\u0000b", "email": "a\\u0000@b.example", "password": "a password\\u0000 of length"}',
    "half a sign": b'{"name": "\\ud800", "email": "\\ud800@b.example", "password": "a password of \\ud800 length"}',
    "huge": b'{"mono_ms": 1' + b"0" * 400 + b', "wall_ms": 1' + b"0" * 30 + b', "vote_value": 1e999, "audible": true}',
    "no object": b'"text"',
    "nothing": b"",
    "cut": b'{"player_id": "',
}
ODD_IDS = ("%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..", "%00", "' or 1=1 --", "9" * 5000, "ﬁ", "%ff")


def operations(world: World) -> Iterator[tuple[str, str]]:
    paths: dict[str, dict[str, Any]] = world.client.get("/openapi.json").json()["paths"]
    for path, methods in paths.items():
        if path.endswith("/events"):  # it never ends
            continue
        for method in methods:
            yield method.upper(), path


def everybody(world: World, box: Box) -> list[dict[str, str]]:
    return [{}, box.headers, world.staff().headers]


def is_refused(answer: Any) -> bool:
    """In the way of all refusals, or a success that is none of the sender's business."""
    if answer.status_code >= 500:
        return False
    return answer.status_code < 400 or "\n" not in answer.json().get("message", "")


@pytest.mark.parametrize("kind", BODIES)
def test_no_body_is_too_odd_to_be_refused(world: World, box: Box, kind: str) -> None:
    callers = everybody(world, box)
    for method, path in operations(world):
        if method == "GET":
            continue
        address = path.replace("{player_id}", box.player_id).replace("{song_id}", ANY_ID)
        for headers in callers:
            sent = {**headers, "Content-Type": "application/json"}
            answer = world.client.request(method, address, headers=sent, content=BODIES[kind])
            assert is_refused(answer), (method, path, headers, answer.status_code, answer.text)


@pytest.mark.parametrize("odd", ODD_IDS)
def test_no_address_is_too_odd_to_be_refused(world: World, box: Box, odd: str) -> None:
    callers = everybody(world, box)
    paths = [*operations(world), ("GET", "/media/{name}"), ("GET", "/web/{name}"), ("GET", "/r/{player_id}")]
    for method, path in paths:
        if "{" not in path:
            continue
        address = (
            path.replace("{player_id}", odd).replace("{song_id}", odd).replace("{sha256}", odd).replace("{name}", odd)
        )
        for headers in callers:
            answer = world.client.request(method, address, headers=headers)
            assert answer.status_code < 500, (method, address, answer.text)
            assert b"root:" not in answer.content


ODD_QUESTIONS = ("?wait=nan", "?wait=1e999", "?since=-1", "?limit=0", "?limit=99999", "?cursor=%00:%ff", "?epoch=%00",
                 "?since=" + "9" * 30, "?cursor=" + "x" * 3000)  # fmt: skip


@pytest.mark.parametrize("asked", ODD_QUESTIONS)
def test_no_question_is_too_odd_to_be_refused(world: World, box: Box, asked: str) -> None:
    for path in ("/api/sync/v1/pull", "/api/player/queue"):
        assert world.client.get(f"{path}{asked}", headers=box.headers).status_code < 500


def test_a_hundred_megabytes_are_not_read(world: World, box: Box) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        for _ in range(100 * 16):
            sent += 65_536
            yield b" " * 65_536

    for headers in ({}, {"Content-Length": str(100 << 20)}):
        sent = 0
        answer = world.client.post("/api/sync/v1/push", headers={**box.headers, **headers}, content=endless())
        assert (answer.status_code, answer.json()["error"]) == (413, "too_large")
        assert sent <= JSON_MAX_BYTES + 2 * 65_536


ODD_OPS: list[tuple[str, dict[str, Any]]] = [
    ("enrol", {"profile_id": ANY_ID, "display_name": "a\x00b", "key_hash": "c" * 64}),
    ("enrol", {"profile_id": ANY_ID, "display_name": "Heron", "key_hash": "c" * 63 + "\x00"}),
    ("enrol", {"profile_id": ANY_ID, "display_name": "Heron", "key_hash": "d" * 64, "key_version": 10**20}),
    ("rule", {"song_id": "song", "kind": "place", "place": 10**30}),
    ("rule", {"song_id": "song", "kind": "place", "place": 2**40}),
    ("rule", {"song_id": "song", "kind": "pin", "until_s": 1e300}),
    ("play", {"play_id": ANY_ID, "song_id": "song", "audible_s": 1e300}),
    ("checkin", {"tap_id": ANY_ID, "session_id": ANY_ID, "profile_id": ANY_ID, "expires_in_s": 86_401}),
    ("no such thing", {}),
    ("\x00", {}),
]


@pytest.mark.parametrize(("kind", "body"), ODD_OPS)
def test_an_odd_fact_is_refused_alone(world: World, box: Box, kind: str, body: dict[str, Any]) -> None:
    rain = world.song("Rain", RAIN)
    odd = box.op(kind, {name: rain if value == "song" else value for name, value in body.items()})
    person = str(uuid4())
    good = box.op("enrol", {"profile_id": person, "display_name": "Kite", "key_hash": "e" * 64})
    before, after = box.push(odd, good)
    assert before.startswith("rejected:") or before == "applied"
    assert after == "applied"
    assert box.push(odd, good) == [before, after]


MAD_CLOCKS: list[dict[str, Any]] = [
    {"mono_ms": 10**18}, {"wall_ms": -(10**18)}, {"wall_ms": 10**18}, {"mono_ms": -(10**18)}, {"boot_id": "\x00"},
]  # fmt: skip


@pytest.mark.parametrize("clock", MAD_CLOCKS)
def test_a_box_with_a_mad_clock_is_heard_or_refused(world: World, box: Box, clock: dict[str, Any]) -> None:
    person = enrolled(box)
    op = {**box.op("checkin", stay(person)), **clock}
    for body in ({**box.now_fields(), "ops": [op]}, {**box.now_fields(), **clock, "ops": [op]}):
        answer = world.client.post("/api/sync/v1/push", headers=box.headers, json=body)
        assert answer.status_code < 500, answer.text
    beat = {**box.now_fields(), **clock, "audible": True}
    assert world.client.post("/api/player/heartbeat", headers=box.headers, json=beat).status_code < 500


def test_a_box_reaches_no_other_room(world: World, box: Box) -> None:
    other, rain = world.box("Bar"), world.song("Rain", RAIN)
    person, play, session = enrolled(other), str(uuid4()), stay(enrolled(other, "d" * 64))
    assert (
        other.push(other.op("play", {"play_id": play, "song_id": rain}), other.op("checkin", session))
        == ["applied"] * 2
    )
    world.write(queue.set_rule, box.player_id, rain, "ban", None, None, world.time.s)
    world.refresh()  # from here on no ranking puts it there
    world.write(queue.replace, other.player_id, [rain], world.time.s)
    assert box.push(box.op("play_end", {"play_id": play, "seconds": 1.0})) == ["rejected:unknown_play"]
    assert box.push(box.op("settle", {"vote_id": str(uuid4()), "sounded": True})) == ["rejected:unknown_vote"]
    assert box.queue().json()["songs"] == []
    assert {
        row["id"] for row in world.read(lambda tx: tx.all("select id from songs_playing where seconds is null"))
    } == {play}
    assert box.push(box.op("vote", vote(person, rain))) == ["applied"]
    assert world.read(lambda tx: tx.all("select player_id from votes")) == [{"player_id": box.player_id}]


def test_a_fact_that_is_sent_again_by_another_box_is_its_own(world: World, box: Box) -> None:
    """An op's id is its box's: what one was told says nothing to another."""
    other, person = world.box("Bar"), enrolled(box)
    op = box.op("checkin", stay(person))
    assert box.push(op) == ["applied"]
    assert box.push(op) == ["applied"]
    before = world.read(lambda tx: tx.all("select id, player_id, status from sessions"))
    other.push({**op, **other.now_fields()})
    assert world.read(lambda tx: tx.all("select id, player_id, status from sessions")) == before


def test_what_is_refused_is_not_repeated(world: World) -> None:
    secret = "hunter2-hunter2"
    answer = world.client.post("/auth/v1/signup", content=json.dumps({"email": "x", "password": secret}))
    assert secret not in answer.text
    phone = Phone(world.client, "nonsense")
    assert "nonsense" not in phone.get("/api/me").text
