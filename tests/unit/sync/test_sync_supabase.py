"""Supabase's door as the box uses it: what it sends, and each refusal in one line that says what to do."""

from __future__ import annotations

import json
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import pytest

from appliance.clock import ManualClock
from appliance.config import load_config
from appliance.store import Store
from sync import rpc, wire
from sync.client import Cloud
from sync.door import cloud_name, open_door, why_no_door
from sync.errors import BadRequest, LinkDown, MediaError, NotAuthorised, NotTheCloud
from sync.link import Link
from sync.news import news_once
from sync.polls import poll_steps
from sync.supabase import PUSH_OPS, Supabase

KEY, TOKEN = "eyJhbGci.eyJyb2xl.c2ln", "csp_secret"


class Project:
    """Answers by function name and keeps what was asked."""

    def __init__(self, *answers: httpx.Response | dict[str, Any]) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def door(self, key: str = KEY) -> Supabase:
        http = httpx.Client(transport=httpx.MockTransport(self._answer), base_url="https://abc.supabase.co")
        return Supabase(http, key, TOKEN)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests]


def refused(status: int, **body: Any) -> httpx.Response:
    return httpx.Response(status, json={"code": None, "details": None, "hint": None, **body})


def an_op() -> wire.Op:
    return wire.Op(op_id=uuid4(), seq=1, type="play", body={}, boot_id="b", mono_ms=1, wall_ms=1)


def test_the_key_and_the_token_go_in_headers_and_never_in_an_address() -> None:
    project = Project({})
    assert project.door().pull("e", 3, digest="0" * 16) is None
    (request,) = project.requests
    assert str(request.url) == "https://abc.supabase.co/rest/v1/rpc/sync_pull"
    assert request.headers["apikey"] == KEY and request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["x-api-key"] == TOKEN and request.headers["user-agent"] == "cosound"
    assert project.bodies == [{"pull": {"epoch": "e", "since": 3, "digest": "0" * 16}}]


def test_a_key_that_is_no_jwt_is_no_bearer() -> None:
    project = Project({})
    project.door("sb_publishable_1").pull("e", 3)
    (request,) = project.requests
    assert request.headers["apikey"] == "sb_publishable_1" and "authorization" not in request.headers


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (refused(404, code="PGRST202", message="Could not find the function public.sync_pull"), NotTheCloud,
         "cosound cloud migrate"),
        (refused(401, message="Invalid API key", hint="Double check your key."), NotAuthorised, "cloud.supabase_key"),
        (refused(401, code="PGRST301", message="JWSError"), NotAuthorised, "cloud.supabase_key"),
        (refused(401, code="PT401", message="Invalid player token"), NotAuthorised, "cloud.token"),
        (refused(401, code="42501", message="permission denied"), NotAuthorised, "cosound cloud migrate"),
        (refused(422, code="PT422", message="pull is not what\nsync.wire says"), BadRequest, "pull is not what sync"),
        (refused(400, code="22P05", message="unsupported Unicode"), BadRequest, "22P05 unsupported Unicode"),
        (refused(500, code="57014", message="canceling statement"), LinkDown, "57014 canceling statement"),
        (refused(503, code="PGRST002", message="schema cache"), LinkDown, "later"),
        (httpx.Response(429, headers={"retry-after": "7"}), LinkDown, "429"),
        (httpx.Response(540, text="paused"), LinkDown, "540"),
        (httpx.Response(200, html="<html>portal</html>"), NotTheCloud, "captive portal"),
        (httpx.Response(302, headers={"location": "http://login.example"}), NotTheCloud, "captive portal"),
        (httpx.Response(200, json={"pull": {"reset": 1}}), NotTheCloud, "not ours"),
    ],
)  # fmt: skip
def test_every_refusal_is_one_line_that_says_what_to_do(
    answer: httpx.Response, error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as raised:
        Project(answer).door().pull("e", 3)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value) and TOKEN not in str(raised.value)


def test_many_facts_go_in_parts_and_come_back_as_one_answer() -> None:
    ops = tuple(an_op() for _ in range(2 * PUSH_OPS + 1))
    request = wire.PushRequest(boot_id="b", mono_ms=2, wall_ms=2, ops=ops)
    verdicts = [{"op_id": str(op.op_id), "status": "applied"} for op in ops]
    parts = [verdicts[:PUSH_OPS], verdicts[PUSH_OPS : 2 * PUSH_OPS], verdicts[2 * PUSH_OPS :]]
    project = Project(*({"push": {"results": part, "server_time": n}, "beat": None} for n, part in enumerate(parts)))
    reply = project.door().push(request)
    assert [str(verdict.op_id) for verdict in reply.results] == [str(op.op_id) for op in ops]
    assert (reply.server_time, [len(body["push"]["ops"]) for body in project.bodies]) == (2, [PUSH_OPS, PUSH_OPS, 1])


def test_a_beat_is_answered_and_a_bare_one_says_whether_it_was_understood() -> None:
    kept = {"server_time": 1.0, "rev": 2, "queue_rev": 3, "kept": "k"}
    project = Project({"push": None, "beat": kept}, {"push": None, "beat": kept}, {"push": None, "beat": None})
    door = project.door()
    assert door.heartbeat(wire.Heartbeat(boot_id="b", mono_ms=1, wall_ms=1, audible=True)).kept == "k"
    bare = wire.BareBeat(as_before="k")
    assert [door.bare_beat(bare), door.bare_beat(bare)] == [True, False]
    with pytest.raises(NotTheCloud, match="cloud migrate"):
        Project({}).door().heartbeat(wire.Heartbeat(boot_id="b", mono_ms=1, wall_ms=1, audible=True))


@pytest.mark.parametrize(
    ("file_url", "asked"),
    [
        ("https://cdn.example/a.flac?sig=1", "https://cdn.example/a.flac?sig=1"),
        ("/storage/v1/object/public/sounds/a.wav", "https://abc.supabase.co/storage/v1/object/public/sounds/a.wav"),
    ],
)
def test_a_file_comes_from_where_its_song_says_without_key_or_token(file_url: str, asked: str) -> None:
    project = Project(httpx.Response(206, content=b"ound", headers={"content-range": "bytes 1-4/5"}))
    with project.door().open_media("a" * 64, {"Range": "bytes=1-"}, file_url) as response:
        assert response.read() == b"ound"
    (request,) = project.requests
    assert (str(request.url), request.headers["range"]) == (asked, "bytes=1-")
    assert not {"apikey", "authorization", "x-api-key"} & set(request.headers)


@pytest.mark.parametrize("file_url", ["ftp://far/a.wav", "javascript:1"])
def test_an_address_that_is_none_is_that_files_own_trouble(file_url: str) -> None:
    with pytest.raises(MediaError, match="no web address"), Project({}).door().open_media("a" * 64, {}, file_url):
        pass


def test_one_question_brings_bucket_and_queue(store: Store) -> None:
    song = {"id": str(uuid4()), "title": "Rain", "type": "soundscape", "file_url": "", "position": 1}
    page = {"reset": True, "epoch": "e", "changes": [], "next": 4, "more": False, "server_time": 1.0}
    fresh = {"pull": page, "queue": {"success": True, "songs": [song]}, "queue_etag": '"q-e-1"'}
    project = Project(fresh, {}, {})
    assert news_once(store, project.door())
    assert [str(entry.song_id) for entry in store.room.queue().entries] == [song["id"]]
    assert not news_once(store, project.door())
    first, _, last = project.bodies
    assert (first["pull"]["since"], first["queue"]) == (0, "")
    assert (last["pull"]["since"], last["queue"]) == (4, '"q-e-1"')


def test_a_look_every_five_seconds_and_none_while_stopping(store: Store, clock: ManualClock) -> None:
    project, link = Project({}), Link(clock, Random(1))
    rests: list[float] = []
    link.rest = rests.append  # type: ignore[method-assign]
    step = poll_steps(project.door(), link, clock, Random(1))["poll"]
    for _ in range(20):
        step(store)
    assert all(rpc.POLL_S * 0.9 <= rest <= rpc.POLL_S * 1.1 for rest in rests) and len(set(rests)) == 20


def test_the_configuration_chooses_the_door(tmp_path: Any) -> None:
    def config(**env: str) -> Any:
        return load_config(env, tmp_path / "none.toml")

    supabase = {"SUPABASE_URL": "https://abc.supabase.co", "SUPABASE_ANON_KEY": KEY, "PLAYER_TOKEN": TOKEN}
    assert isinstance(open_door(config(**supabase)), Supabase)
    assert isinstance(open_door(config(**supabase, DJANGO_API_URL="https://cloud.example")), Cloud)
    assert why_no_door(config(**supabase)) == ""
    assert "no cloud.url" in why_no_door(config())
    for missing, word in (("SUPABASE_ANON_KEY", "cloud.supabase_key"), ("PLAYER_TOKEN", "cloud.token")):
        assert word in why_no_door(config(**{k: v for k, v in supabase.items() if k != missing}))
    other = {**supabase, "SUPABASE_URL": "https://other.supabase.co"}
    assert cloud_name(config(**supabase)) != cloud_name(config(**other))
