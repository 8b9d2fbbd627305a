"""A card's history becomes a web profile's: by a token that a box made, by six digits, by a card that signs."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import doors
import pytest
from cloud_world import RAIN, SEA, Box, Client, Copy, Phone, World, enrolled, vote

from checkin.sun import SunKeys
from cloud_stub.repositories import cards, profiles
from ml.taste import Taste, learn
from tests.emulated_ntag424 import said

CARD = "c" * 64
TOKEN = "abcdefghijklmnopqrstuv"
OTHER = "ABCDEFGHIJKLMNOPQRSTUV"
KEYS = SunKeys(1, bytes(range(16)), bytes(range(16, 32)))
UID = bytes.fromhex("04A1B2C3D4E5F6")


def offer(box: Box, profile_id: str, token: str = TOKEN, **over: Any) -> str:
    body = {"profile_id": profile_id, "token_hash": sha256(token.encode()).hexdigest()}
    (verdict,) = box.push(box.op("link", body, **over))
    return verdict


def type_in(box: Box, profile_id: str, code: str, **over: Any) -> str:
    (verdict,) = box.push(box.op("link", {"profile_id": profile_id, "code": code}, **over))
    return verdict


def claim(phone: Phone, token: str = TOKEN) -> tuple[int, str]:
    reply = phone.post("/api/link", token=token)
    return reply.status_code, reply.json().get("status") or reply.json()["error"]


def code_of(phone: Phone) -> str:
    code: str = phone.post("/api/link/code").json()["code"]
    return code


def owner(world: World, card: str = CARD) -> str | None:
    found: str | None = world.read(cards.owner, card)
    return found


@doors.BOTH
def test_what_a_card_liked_is_the_phones_and_the_card_says_so_everywhere(world: World, box: Box) -> None:
    rain, sea, phone, other = world.song("Rain", RAIN), world.song("Sea", SEA), world.phone(), world.box("Bar")
    profile_id = enrolled(box, CARD)
    assert box.push(box.op("vote", vote(profile_id, rain))) == ["applied"]
    assert offer(box, profile_id) == "applied"
    assert claim(phone) == (200, "done")
    mine = phone.me()["id"]
    assert owner(world) == mine
    assert phone.me()["preference_vector"] == pytest.approx(list(learn(Taste.newcomer(), RAIN, 5).preference_vector))
    copy = Copy(other)
    copy.sync()
    assert copy.table("tags")[CARD]["profile_id"] == mine
    assert copy.table("merges")[profile_id]["into_id"] == mine
    box.push(box.op("vote", vote(profile_id, sea)))
    assert phone.me()["votes"] == 2, "the card goes on under its old name until the box hears of it"


@doors.BOTH
@pytest.mark.parametrize("late_s", [0, 30, 86_400])
def test_a_phone_may_speak_before_a_box_that_was_away(world: World, box: Box, late_s: float) -> None:
    """The box made the token offline, enrolled its listener offline, and comes back after a day."""
    phone, made = world.phone(), box.now_fields()
    assert claim(phone) == (200, "waiting")
    world.time.advance(late_s)
    profile_id = enrolled(box, CARD)
    assert offer(box, profile_id, **made) == "applied"
    assert owner(world) == phone.me()["id"]
    assert claim(phone) == (200, "done")


@doors.BOTH
def test_ten_minutes_are_counted_from_when_the_box_made_it_to_when_the_phone_showed_it(world: World, box: Box) -> None:
    profile_id, phone = enrolled(box, CARD), world.phone()
    made = box.now_fields()
    world.time.advance(601)
    assert claim(phone) == (200, "waiting"), "nobody can say yet how old it is"
    assert offer(box, profile_id, **made) == "superseded"
    assert claim(phone) == (410, "used")
    assert owner(world) == profile_id
    offer(box, profile_id, OTHER)
    world.time.advance(601)
    assert claim(phone, OTHER) == (410, "expired")


@doors.BOTH
def test_once_and_for_one_person(world: World, box: Box) -> None:
    profile_id, phone, thief = enrolled(box, CARD), world.phone(), world.phone()
    offer(box, profile_id)
    assert [claim(phone), claim(phone), claim(thief)] == [(200, "done"), (200, "done"), (410, "used")]
    assert claim(thief, OTHER) == (200, "waiting")
    assert claim(phone, OTHER) == (410, "used")
    assert owner(world) == phone.me()["id"]


@doors.BOTH
def test_a_repeated_offer_of_the_box_does_nothing(world: World, box: Box) -> None:
    profile_id, phone = enrolled(box, CARD), world.phone()
    body = {"profile_id": profile_id, "token_hash": sha256(TOKEN.encode()).hexdigest()}
    op = box.op("link", body)
    assert box.push(op, op) == ["applied", "applied"]
    claim(phone)
    assert box.push(op) == ["applied"]
    assert offer(box, enrolled(box, "d" * 64)) == "superseded", "the same token for somebody else"
    assert owner(world, "d" * 64) != phone.me()["id"]


@doors.BOTH
def test_two_boxes_offline_at_once_offer_the_same_card(world: World, box: Box) -> None:
    """Both met it while apart and made somebody of it; both are the phone's in the end."""
    rain, other, phone = world.song("Rain", RAIN), world.box("Bar"), world.phone()
    claim(phone), claim(phone, OTHER)
    first, second = enrolled(box, CARD), "22222222-2222-4222-8222-222222222222"
    enrol = other.op("enrol", {"profile_id": second, "display_name": "Kite", "key_hash": CARD})
    other.push(enrol, other.op("vote", vote(second, rain)))
    assert [offer(box, first), offer(other, second, OTHER)] == ["applied", "applied"]
    mine = phone.me()
    assert (owner(world), mine["votes"]) == (mine["id"], 1)
    assert [world.read(profiles.resolve, one) for one in (first, second)] == [mine["id"]] * 2


@doors.BOTH
def test_a_card_that_is_somebodys_phone_already_stays_so(world: World, box: Box) -> None:
    profile_id, phone, other = enrolled(box, CARD), world.phone(), world.phone()
    offer(box, profile_id), claim(phone)
    offer(box, profile_id, OTHER)
    assert claim(other, OTHER) == (409, "two_accounts")
    assert owner(world) == phone.me()["id"]


@doors.BOTH
def test_two_cards_of_one_person(world: World, box: Box) -> None:
    phone = world.phone()
    offer(box, enrolled(box, CARD)), claim(phone)
    offer(box, enrolled(box, "d" * 64), OTHER)
    assert claim(phone, OTHER) == (200, "done")
    assert {owner(world), owner(world, "d" * 64)} == {phone.me()["id"]}


@doors.BOTH
def test_the_forgotten_have_nothing_to_hand_over(world: World, box: Box) -> None:
    profile_id, phone = enrolled(box, CARD), world.phone()
    offer(box, profile_id)
    box.push(box.op("forget", {"profile_id": profile_id}))
    assert claim(phone) == (200, "waiting"), "as any token that no box has told of"
    assert offer(box, profile_id, OTHER) == "rejected:unknown_profile"


def test_what_is_no_token_is_refused(world: World) -> None:
    bodies: list[dict[str, Any]] = [
        {}, {"token": ""}, {"token": 5}, {"token": "x" * 23}, {"token": "<script>alert(1)/*"},
        {"address": "javascript:alert(1)"}, {"address": None},
    ]  # fmt: skip
    phone = world.phone()
    for reply in (phone.post("/api/link", **body) for body in bodies):
        assert reply.status_code == 422
        assert "\n" not in reply.json()["message"]


def test_a_token_costs_a_try_and_a_login(world: World) -> None:
    phone = world.phone()
    assert world.client.post("/api/link", json={"token": TOKEN}).status_code == 401
    tries = [phone.post("/api/link", token=f"{number:022}").status_code for number in range(11)]
    assert tries == [200] * 10 + [429]
    world.time.advance(601)
    assert claim(phone)[0] == 200


@doors.BOTH
def test_six_digits_typed_in_at_a_box(world: World, box: Box) -> None:
    profile_id, phone = enrolled(box, CARD), world.phone()
    code = code_of(phone)
    assert (len(code), code.isdigit()) == (6, True)
    assert type_in(box, profile_id, code) == "applied"
    assert owner(world) == phone.me()["id"]
    assert type_in(box, enrolled(box, "d" * 64), code) == "rejected:unknown_code", "once"


@doors.BOTH
def test_a_code_is_good_for_ten_minutes_and_until_the_next_one(world: World, box: Box) -> None:
    profile_id, phone = enrolled(box, CARD), world.phone()
    first, second = code_of(phone), code_of(phone)
    assert first == second or type_in(box, profile_id, first) == "rejected:unknown_code"
    world.time.advance(601)
    assert type_in(box, profile_id, second) == "rejected:unknown_code"
    third = code_of(phone)
    typed = box.now_fields()
    world.time.advance(3600)
    assert type_in(box, profile_id, third, **typed) == "applied", "typed in time, heard of late"


@doors.BOTH
def test_codes_cannot_be_guessed(world: World, box: Box) -> None:
    profile_id, phone = enrolled(box, CARD), world.phone()
    code = code_of(phone)
    wrong = [f"{number:06}" for number in range(11) if f"{number:06}" != code]
    verdicts = [type_in(box, profile_id, guess) for guess in wrong]
    assert verdicts[:10] == ["rejected:unknown_code"] * 10
    assert type_in(box, profile_id, code) == "rejected:too_often"
    world.time.advance(601)
    assert type_in(box, profile_id, code_of(phone)) == "applied"


@doors.BOTH
def test_a_link_says_one_thing(world: World, box: Box) -> None:
    profile_id = enrolled(box, CARD)
    for body in ({}, {"code": "12345"}, {"code": "123456", "token_hash": "a" * 64}):
        assert box.push(box.op("link", {"profile_id": profile_id, **body})) == ["rejected:body"]


@pytest.fixture
def signing(world: World) -> World:
    object.__setattr__(world.settings, "sun_keys", (KEYS,))
    return world


def show(phone: Phone, counter: int, keys: SunKeys = KEYS) -> tuple[int, str]:
    reply = phone.post("/api/link", address=said(keys, "https://cosound.example", UID, counter))
    return reply.status_code, reply.json().get("status") or reply.json()["error"]


@doors.BOTH
def test_a_card_that_signs_is_its_own_token_and_no_word_of_it_is_good_twice(signing: World) -> None:
    box, phone, thief, name = signing.box(), signing.phone(), signing.phone(), KEYS.key_hash(UID)
    assert show(phone, 3) == (404, "unknown_card")
    profile_id = enrolled(box, name)
    box.push(box.op("card", {"profile_id": profile_id, "key_hash": name, "counter": 4}))
    assert show(thief, 4) == (410, "used"), "heard at the box before"
    assert show(thief, 9, SunKeys(1, bytes(16), bytes(16))) == (422, "bad_card")
    assert show(phone, 5) == (200, "done")
    assert show(thief, 5) == (410, "used")
    assert show(thief, 6) == (409, "two_accounts")
    copy = Copy(box)
    copy.sync()
    assert copy.table("tags")[name] == {
        "key_hash": name,
        "key_version": 1,
        "profile_id": phone.me()["id"],
        "counter": 6,
    }


def test_opening_the_page_does_nothing_by_itself(world: World) -> None:
    for path in ("/link", "/t?v=1&e=00&c=00"):
        reply = world.client.get(path)
        assert (reply.status_code, reply.headers["referrer-policy"]) == (200, "no-referrer")
        assert "default-src 'self'" in reply.headers["content-security-policy"]


def test_nobody_else_hears_the_words(world: World, box: Box, caplog: pytest.LogCaptureFixture) -> None:
    phone: Phone = world.phone()
    client: Client = world.client
    client.get("/t?v=1&e=5EC2E7&c=5EC2E7")
    claim(phone), code_of(phone)
    assert "5EC2E7" not in caplog.text
    assert TOKEN not in caplog.text
