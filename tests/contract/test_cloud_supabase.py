"""Who signed in at the Supabase project is a listener here, and nobody else is."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cloud_world import RAIN, Phone, Time, World, cloud_world
from cryptography.hazmat.primitives import serialization
from supabase_project import LEGACY_SECRET, Project, new_key, project

from cloud_stub import supabase
from cloud_stub.engines.address import Address
from cloud_stub.repositories import logins
from tests.patience import PATIENCE_S


@pytest.fixture
def home() -> Iterator[Project]:
    with project(Time().s) as running:
        running.add_key("first", "ES256")
        yield running


@pytest.fixture
def world(folder: Path, where: Path | Address, home: Project) -> Iterator[World]:
    with cloud_world(folder, where, project=supabase.Project(home.url, LEGACY_SECRET)) as made:
        yield made


def ask(world: World, token: str) -> Any:
    return Phone(world.client, token).get("/api/me")


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "HS256"])
def test_a_login_of_the_project_is_a_listener_from_its_first_request_on(
    world: World, home: Project, algorithm: str
) -> None:
    claims = home.claims()
    if algorithm == "RS256":
        home.add_key("rsa", "RS256")
    token = home.legacy_token(claims) if algorithm == "HS256" else home.token(
        {"ES256": "first", "RS256": "rsa"}[algorithm], claims
    )  # fmt: skip
    me = ask(world, token)
    assert me.status_code == 200, me.text
    assert (me.json()["email"], me.json()["roles"]) == ("heron@example.org", [])
    assert me.json()["id"] != claims["sub"]
    rain, box = world.song("Rain", RAIN), world.box()
    box.hears((rain, 1.0))
    phone = Phone(world.client, token)
    assert world.check_in(phone, box).status_code == 200
    assert phone.post("/api/votes", song_id=rain, vote_value=5).status_code == 200
    assert phone.me()["id"] == me.json()["id"]
    kept = world.read(lambda tx: tx.all("select auth_user_id from profiles"))
    assert kept == [{"auth_user_id": claims["sub"]}]


def test_two_first_requests_at_once_make_one_listener(world: World, home: Project) -> None:
    token = home.token("first")
    headers = {"Authorization": f"Bearer {token}"}
    asked = [world.client.later("GET", "/api/me", headers=headers) for _ in range(8)]
    assert len({answer.result(PATIENCE_S).json()["id"] for answer in asked}) == 1
    assert world.read(lambda tx: tx.value("select count(*) from profiles")) == 1
    assert home.asked == 1


def test_an_anonymous_login_has_no_address(world: World, home: Project) -> None:
    assert ask(world, home.token("first", home.claims(is_anonymous=True))).json()["email"] is None
    assert ask(world, home.token("first", home.claims(email="", sub=str(uuid4())))).json()["email"] is None


def test_staff_are_those_in_the_table_whatever_a_token_says(world: World, home: Project) -> None:
    token = home.token("first", home.claims(app_metadata={"role": "admin"}, user_role="admin"))
    assert world.client.get("/api/admin/players", headers=Phone(world.client, token).headers).status_code == 403
    world.write(logins.grant, ask(world, token).json()["id"], "admin")
    assert world.client.get("/api/admin/players", headers=Phone(world.client, token).headers).status_code == 200


def test_our_own_logins_open_as_before(world: World) -> None:
    assert world.phone().me()["roles"] == []


def public_pem(home: Project) -> bytes:
    return home.keys["first"][1].public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )  # fmt: skip


def raw(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def with_hmac_of_the_public_key(home: Project) -> str:
    import hmac

    head = raw({"alg": "HS256", "kid": "first"}, home.claims()).rpartition(".")[0]
    digest = hmac.new(public_pem(home), head.encode(), "sha256").digest()
    return f"{head}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def with_a_key_of_its_own(home: Project, **header: Any) -> str:
    return jwt.encode(home.claims(), new_key("ES256"), "ES256", headers={"kid": "first", **header})


def rsa_under_the_name_of_another(home: Project) -> str:
    return jwt.encode(home.claims(), new_key("RS256"), "RS256", headers={"kid": "first"})


ATTACKS: dict[str, Callable[[Project], str]] = {
    "the public key as a shared secret": with_hmac_of_the_public_key,
    "no algorithm": lambda home: raw({"alg": "none", "kid": "first"}, home.claims()),
    "no algorithm, in capitals": lambda home: raw({"alg": "NONE", "kid": "first"}, home.claims()),
    "another key": with_a_key_of_its_own,
    "a key in the header": lambda home: with_a_key_of_its_own(home, jwk={"kty": "EC"}),
    "a page of keys in the header": lambda home: with_a_key_of_its_own(home, jku="http://127.0.0.1:9/jwks.json"),
    "a kind of key that this one is not": rsa_under_the_name_of_another,
    "no key's name": lambda home: jwt.encode(home.claims(), home.keys["first"][1], "ES256"),
    "an unknown key's name": lambda home: home.token("first", kid="another"),
    "a path for a key's name": lambda home: home.token("first", kid="../../../../dev/null"),
    "over": lambda home: home.token("first", home.claims(exp=int(home.now_s) - 11)),
    "without an end": lambda home: home.token("first", home.claims(exp=None)),
    "an end that is a word": lambda home: home.token("first", home.claims(exp="never")),
    "an end that is true": lambda home: home.token("first", home.claims(exp=True)),
    "from tomorrow on": lambda home: home.token("first", home.claims(nbf=int(home.now_s) + 3600)),
    "signed tomorrow": lambda home: home.token("first", home.claims(iat=int(home.now_s) + 3600)),
    "for somebody else": lambda home: home.token("first", home.claims(aud="anon")),
    "for nobody": lambda home: home.token("first", home.claims(aud=None)),
    "of another project": lambda home: home.token("first", home.claims(iss="https://other.supabase.co/auth/v1")),
    "ours by name": lambda home: home.token("first", home.claims(iss="cosound-cloud")),
    "of nobody": lambda home: home.token("first", home.claims(sub=None)),
    "of somebody who is no id": lambda home: home.token("first", home.claims(sub="' or 1=1 --")),
    "the project's public key (anon)": lambda home: home.legacy_token(home.claims(role="anon", aud=None, sub=None)),
    "the project's secret key (service_role)": lambda home: home.legacy_token(home.claims(role="service_role")),
    "a role that is none": lambda home: home.token("first", home.claims(role="admin")),
    "another secret": lambda home: home.legacy_token(secret="some other secret that has enough signs in it"),
    "no secret": lambda home: raw({"alg": "HS256", "typ": "JWT"}, home.claims()),
    "a header without a floor": lambda home: base64.urlsafe_b64encode(b"[" * 20_001).decode() + ".e30.e30",
    "claims without a floor": lambda home: f"e30.{base64.urlsafe_b64encode(b'[' * 20_001).decode()}.e30",
    "three dots": lambda home: "...",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_token_that_is_not_the_projects_opens_nothing(world: World, home: Project, attack: str) -> None:
    token = ATTACKS[attack](home)
    answer = ask(world, token)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), answer.text
    assert token not in answer.text
    assert world.read(lambda tx: tx.value("select count(*) from profiles")) == 0


def test_a_login_ends_ten_seconds_late_at_most(world: World, home: Project) -> None:
    token = home.token("first")
    world.time.advance(3609)
    assert ask(world, token).status_code == 200
    world.time.advance(1)
    assert ask(world, token).json()["error"] == "expired_token"


def test_a_new_key_is_asked_for_once_and_strangers_do_not_make_us_ask(
    world: World, home: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(world, home.token("first")).status_code == 200
    home.add_key("second", "RS256")
    assert [ask(world, home.token("first", kid=f"no {number}")).status_code for number in range(20)] == [401] * 20
    assert home.asked == 1
    cooled_down(world)
    assert ask(world, home.token("second")).status_code == 200
    assert ask(world, home.token("first")).status_code == 200
    assert home.asked == 2


def test_a_key_that_was_taken_back_opens_nothing_ten_minutes_later(world: World, home: Project) -> None:
    home.add_key("second")
    token = home.token("first")
    assert ask(world, token).status_code == 200
    home.take_back("first")
    forgotten(world)
    assert ask(world, token).status_code == 401


def test_a_key_for_something_else_signs_nothing(world: World, home: Project) -> None:
    home.add_key("sealed", use="enc")
    assert ask(world, home.token("sealed")).status_code == 401


@pytest.mark.parametrize("page", [b"<html>log in to the network</html>", b"{}", b"[]", b'{"keys": []}'])
def test_while_its_keys_cannot_be_had_nobody_is_told_to_log_in_again(world: World, home: Project, page: bytes) -> None:
    home.page = page
    for _ in range(3):
        answer = ask(world, home.token("first"))
        assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
    assert home.asked == 1
    home.page = None
    world.services.logins.supabase._unanswered_s = None
    assert ask(world, home.token("first")).status_code == 200


def cooled_down(world: World) -> None:
    """As if the pause after the last look for keys were over."""
    world.services.logins.supabase._keys._last_successful_fetch = None


def forgotten(world: World) -> None:
    """As if the time for which keys are kept were over."""
    world.services.logins.supabase._keys.jwk_set_cache.put(None)
    cooled_down(world)
