"""What the server writes down: a line for every request, and never a secret, whoever shows it one and where."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from cloud_world import World
from fastapi import FastAPI
from real_server import COSOUND, serving, url_of

from cloud_stub.engines.address import Address
from cloud_stub.logs import Lines
from cloud_stub.migrate import bring_up_to_date
from cloud_stub.secrecy import Secrecy
from sync.digest import bucket_etag
from tests.patience import PATIENCE_S

SECRET_KEY, PASSWORD, PEPPER = "a secret key that signs", "a password of some length", "5e" * 32
JWT_SECRET = "a legacy secret of a project, long enough"
SERVICE_KEY, AWS, MODAL = "sb_secret_of_the_project_x1", "an aws secret access key", "a modal token secret"


def lines_of(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    kept = [record for record in caplog.records if record.name == "cloud_stub.request_log"]
    return [json.loads(Lines(Secrecy(), as_json=True).format(record)) for record in kept]


def test_a_request_is_one_line_with_its_door_and_its_box(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "cloud_stub")
    box, phone = world.box(), world.phone()
    caplog.clear()
    box.queue()
    box.pull()
    phone.get("/api/me")
    world.client.get("/api/rooms/no-room/" + box.token)
    world.client.get(
        "/api/player/queue", headers={"X-API-Key": box.token[:-1] + ("a" if box.token[-1] != "a" else "b")}
    )
    answered = world.client.get(f"/api/rooms/{box.player_id}", headers={"X-Request-Id": "proxy-1"})
    told = [(line["route"], line["status"], line.get("box")) for line in lines_of(caplog)]
    assert told == [
        ("/api/player/queue", 200, box.player_id),
        ("/api/sync/v1/pull", 200, box.player_id),
        ("/api/me", 200, None),
        ("unknown", 404, None),
        ("/api/player/queue", 401, f"csp_{box.token[4:12]}"),
        ("/api/rooms/{player_id}", 200, None),
    ]
    last = lines_of(caplog)[-1]
    assert (last["id"], last["method"], last["level"]) == ("proxy-1", "GET", "info")
    assert answered.headers["x-request-id"] == "proxy-1"
    assert 0 <= last["ms"] < 60_000


def test_what_says_nothing_new_is_counted_and_has_neither_a_line_nor_an_id(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    box = world.box()
    held, kept = box.queue().headers["etag"], box.hears(audible=False)["kept"]
    page = box.pull()
    asked = {"epoch": page["epoch"], "since": page["next"]}
    bucket = bucket_etag(page["epoch"], page["next"], page["digest"])
    caplog.set_level(logging.INFO, "cloud_stub")
    caplog.clear()
    answers = [
        box.queue(**{"If-None-Match": held}),
        world.client.get("/api/sync/v1/pull", params=asked, headers={**box.headers, "If-None-Match": bucket}),
        world.client.post("/api/player/heartbeat", json={"as_before": kept}, headers=box.headers),
    ]
    assert [answer.status_code for answer in answers] == [304, 304, 204]
    assert not any("x-request-id" in answer.headers for answer in answers)
    assert lines_of(caplog) == []
    for _ in range(2):
        world.client.portal.call(world.services.tell_polls)
    assert [record.__dict__.get("facts") for record in caplog.records] == [{"polls": 3, "boxes": 1}]


def test_a_bug_is_answered_in_one_line_and_its_trace_is_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    app: FastAPI = world.client._app

    @app.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError("something about a room")

    answer = world.client.get("/broken", headers={"X-Request-Id": "r-17"})
    assert (answer.status_code, answer.json()["error"]) == (500, "broken")
    assert "r-17" in answer.json()["message"]
    assert "room" not in answer.text
    assert [(line["level"], line["status"]) for line in lines_of(caplog)] == [("error", 500)]


@pytest.mark.processes
def test_a_whole_life_of_a_server_leaves_no_secret_anywhere(folder: Path, where: Path | Address) -> None:
    """A real process that is told and sent every kind of secret: its lines, its answers, its arguments."""
    env = {"SECRET_KEY": SECRET_KEY, "COSOUND_PEPPER": PEPPER, "SUPABASE_URL": "http://127.0.0.1:9",
           "SUPABASE_JWT_SECRET": JWT_SECRET, "SUPABASE_SERVICE_KEY": SERVICE_KEY, "AWS_SECRET_ACCESS_KEY": AWS,
           "MODAL_TOKEN_SECRET": MODAL, "COSOUND_LOG": "DEBUG"}  # fmt: skip
    secrets = {SECRET_KEY, PASSWORD, PEPPER, JWT_SECRET, SERVICE_KEY, AWS, MODAL}
    if isinstance(where, Address):
        secrets.add(where.password)
    bring_up_to_date(where)
    with serving(folder / "data", DATABASE_URL=url_of(where), **env) as server:
        with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as http:
            said, given = drive(http, where)
        secrets |= given
        said.append(Path(f"/proc/{server.process.pid}/cmdline").read_text())
        assert server.end() == 0
    said += server.log.read_text().splitlines()
    lines = server.lines()
    assert {"/auth/v1/signup", "/api/player/queue", "/api/player/claim", "unknown"} <= {
        str(line.get("route")) for line in lines
    }
    assert [line["level"] for line in lines if line["level"] == "error"] == []
    assert [(text, secret) for text in said for secret in secrets if secret in text] == []


def drive(http: httpx.Client, where: Path | Address) -> tuple[list[str], set[str]]:
    """Everything that takes or gives a secret. Returns the answers that must hold none, and the secrets."""
    from cloud_stub.database import Database
    from cloud_stub.repositories import logins

    login = {"email": "heron@example.org", "password": PASSWORD}
    user = http.post("/auth/v1/signup", json=login).json()
    headers = {"Authorization": f"Bearer {user['access_token']}"}
    me = http.get("/api/me", headers=headers)
    database = Database(where)
    database.open()
    with database.writing() as tx:
        logins.grant(tx, me.json()["id"], "admin")
    database.close()
    again = http.post("/auth/v1/token?grant_type=password", json=login).json()["access_token"]
    room = http.post("/api/admin/players", headers=headers, json={"name": "Lobby"}).json()
    code = http.post(f"/api/admin/players/{room['id']}/claim", headers=headers).json()["code"]
    claimed = http.post("/api/player/claim", json={"code": code}).json()["token"]
    box = {"X-API-Key": claimed}
    rotated = http.post("/api/player/token", headers=box).json()["token"]
    secrets = {user["access_token"], again, room["token"], code, claimed, rotated}
    told = [me, http.get("/health"), http.get("/openapi.json")]
    for token in secrets:
        told += [
            http.get(f"/api/player/queue?player={token}"),
            http.get(f"/api/cosound?player={token}&token={token}"),
            http.get(f"/r/{token}"),
            http.get(f"/{token}"),
            http.get(f"/media/{token}?signature={token}"),
            http.get(f"/api/rooms/{token}"),
            http.request(token[:60].replace("=", ""), "/health"),
            http.get("/api/me", headers={"Authorization": f"Bearer {token[:-2]}"}),
            http.get("/api/player/queue", headers={"X-API-Key": token[:-2]}),
            http.post("/api/player/claim", json={"code": token}),
            http.post("/api/sync/v1/push", headers=box, json={"boot_id": token, "ops": token}),
            http.get("/health", headers={"X-Request-Id": f"{token} {PASSWORD}"}),
        ]
    told += [
        http.post("/auth/v1/signup", json={"email": PASSWORD, "password": PASSWORD}),
        http.post("/auth/v1/token?grant_type=password", json={**login, "password": f"{PASSWORD}!"}),
        http.post("/auth/v1/token?grant_type=" + PASSWORD, json=login),
        http.post("/auth/v1/signup", content=f'{{"password": "{PASSWORD}", "email": "\x00"'.encode()),
    ]
    return [f"{answer.status_code} {answer.headers} {answer.text}" for answer in told], secrets


@pytest.mark.processes
def test_a_person_at_a_terminal_reads_words(folder: Path) -> None:
    reader, writer = pty.openpty()
    command = [*COSOUND, "serve", "--data", str(folder / "data"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=writer) as process:
        os.close(writer)
        assert process.stdout is not None
        url = process.stdout.readline().decode().split()[-1]
        httpx.get(f"{url}/health")
        process.terminate()
        process.wait(PATIENCE_S)
    said = read_all(reader).splitlines()
    assert [line for line in said if re.match(r"\d\d:\d\d:\d\d info +GET /health 200  id=", line)], said
    assert "{" not in "".join(said)


def read_all(descriptor: int) -> str:
    """Until the other end is closed."""
    pieces = []
    try:
        while piece := os.read(descriptor, 65_536):
            pieces.append(piece)
    except OSError:  # what Linux says at the end of a terminal
        pass
    finally:
        os.close(descriptor)
    return b"".join(pieces).decode()


@pytest.mark.parametrize(("name", "value"), [("COSOUND_LOG", "LOUD"), ("COSOUND_LOG_FORMAT", "xml")])
def test_a_kind_of_log_that_is_none_is_named(folder: Path, name: str, value: str) -> None:
    done = subprocess.run(
        [*COSOUND, "serve", "--data", str(folder / "data"), "--port", "0"],
        capture_output=True, text=True, check=False, env={**os.environ, name: value},
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert name in done.stderr
