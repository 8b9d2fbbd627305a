"""`cosound cloud` as a person starts and stops it: real processes on 127.0.0.1."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from real_server import COSOUND, serving

from tests.patience import PATIENCE_S, until

pytestmark = pytest.mark.processes


def run(*args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COSOUND, *args], capture_output=True, text=True, timeout=60, check=False, env=env)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A cloud seeded with sounds of our own making, short ones, so that no test waits for the synthesis."""
    from cloud_stub import seed as seeding
    from cloud_stub.settings import CloudSettings
    from ml import synth

    data = tmp_path_factory.mktemp("cloud")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synth, "write_starter_library", lambda folder, **_: short_library(folder))
        settings = CloudSettings.for_directory(data, {})
        return data, seeding.seed(settings, listeners=4, pepper=bytes(32))


def short_library(folder: Path) -> list[Any]:
    import numpy as np
    import soundfile

    from ml.synth import RECIPES, StarterSong

    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number, recipe in enumerate(RECIPES):
        path = folder / f"{recipe.key}.flac"
        soundfile.write(path, np.random.default_rng(number).standard_normal(48_000) * 0.1, 48_000)
        made.append(StarterSong(recipe, path))
    return made


def test_the_seed_is_what_it_says_and_says_the_same_again(seeded: tuple[Path, dict[str, Any]]) -> None:
    data, first = seeded
    env = {**os.environ, "COSOUND_PEPPER": "00" * 32}
    again = run("seed", "--data", str(data), "--listeners", "4", "--json", env=env)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout) == first
    assert set(first) >= {"room", "admin", "listeners", "songs"}
    assert set(first["listeners"][0]) == {"profile_id", "name", "email", "password", "uid_hex", "loves"}
    assert {listener["uid_hex"][:2] for listener in first["listeners"]} == {"04"}
    assert len({listener["loves"] for listener in first["listeners"]}) >= 3


def test_the_seed_works_beside_a_server_that_runs(seeded: tuple[Path, dict[str, Any]]) -> None:
    data, first = seeded
    with serving(data) as server, httpx.Client(base_url=server.url) as http:
        assert http.get("/health").json()["ok"] is True
        bar = json.loads(run("seed", "--data", str(data), "--room", "Bar", "--listeners", "4", "--json").stdout)
        for found in (first, bar):
            reply = http.get("/api/player/queue", headers={"X-API-Key": found["room"]["token"]})
            assert reply.status_code == 200
        listener = first["listeners"][0]
        body = {"email": listener["email"], "password": listener["password"]}
        token = http.post("/auth/v1/token?grant_type=password", json=body).json()["access_token"]
        me = http.get("/api/me", headers={"Authorization": f"Bearer {token}"}).json()
        assert (me["id"], me["display_name"]) == (listener["profile_id"], listener["name"])
        assert any(me["preference_vector"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_at_once_with_people_waiting(seeded: tuple[Path, dict[str, Any]], number: signal.Signals) -> None:
    data, found = seeded
    headers = {"X-API-Key": found["room"]["token"]}
    with serving(data) as server, ThreadPoolExecutor(8) as pool, httpx.Client(base_url=server.url) as http:
        etag = http.get("/api/player/queue", headers=headers).headers["etag"]
        held = [
            pool.submit(
                httpx.get,
                f"{server.url}/api/player/queue?wait=25",
                headers={**headers, "If-None-Match": etag},
                timeout=PATIENCE_S,
            )
            for _ in range(8)
        ]
        until(lambda: http.get("/health").json()["waiting"] == 8, "all eight wait")
        assert server.end(number) == 0  # of the 25 s that they would wait
        assert {answer.result().status_code for answer in held} == {304}
        said = server.lines()
        assert {line["level"] for line in said} == {"info"}
        assert (said[-2]["says"], said[-1]["says"]) == ("8 polls and heartbeats said nothing new", "stopped")


@pytest.mark.parametrize(("proxies", "second"), [("127.0.0.1,10.0.0.1", 403), ("10.0.0.1", 429)])
def test_a_proxy_we_trust_says_where_somebody_came_from(tmp_path: Path, proxies: str, second: int) -> None:
    """Limits are by place: behind a proxy that is not named, everybody comes from the same."""
    with serving(tmp_path / "data", FORWARDED_ALLOW_IPS=proxies) as server, httpx.Client(base_url=server.url) as http:
        for place, status in (("203.0.113.1", 403), ("203.0.113.2", second)):
            asked = [
                http.post("/api/player/claim", headers={"X-Forwarded-For": place}, json={"code": "AAAAAAAA"})
                for _ in range(5)
            ]
            assert {answer.status_code for answer in asked} == {status}


def test_a_killed_server_loses_nothing_it_answered(seeded: tuple[Path, dict[str, Any]]) -> None:
    data, _ = seeded
    with serving(data) as server:
        users = [httpx.post(f"{server.url}/auth/v1/signup", json={}).json() for _ in range(5)]
        server.end(signal.SIGKILL)
    with serving(data) as server:
        for user in users:
            headers = {"Authorization": f"Bearer {user['access_token']}"}
            assert httpx.get(f"{server.url}/api/me", headers=headers).status_code == 200


def test_what_a_person_can_get_wrong_is_one_line_and_exit_2(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        in_use = run("serve", "--data", str(tmp_path / "a"), "--port", port)
    attempts = [
        (in_use, "--port"),
        (run("serve", "--data", str(tmp_path / "file" / "b")), "--data"),
        (run("seed", "--data", str(tmp_path / "c"), env={"PATH": "", "COSOUND_PEPPER": "xyz"}), "COSOUND_PEPPER"),
        (run("serve", "--data", str(tmp_path / "d"), env={"PATH": "", "PORT": "http"}), "PORT"),
    ]
    for done, says in attempts:
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert says in done.stderr
        assert "Traceback" not in done.stderr


def test_a_rooms_page_is_told_what_changes_until_the_server_ends(seeded: tuple[Path, dict[str, Any]]) -> None:
    data, found = seeded
    room = found["room"]
    with serving(data) as server, httpx.Client(base_url=server.url, timeout=PATIENCE_S) as http:
        assert http.get("/api/rooms/00000000-0000-4000-8000-000000000000/events").status_code == 404
        with http.stream("GET", f"/api/rooms/{room['player_id']}/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = (line for line in stream.iter_lines() if line.startswith("data: "))
            before = json.loads(next(lines)[6:])
            assert before["name"] == room["name"]
            token = httpx.post(f"{server.url}/auth/v1/signup", json={}).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            signature = room["address"].partition("?s=")[2]
            httpx.post(
                f"{server.url}/api/checkin", headers=headers, json={"player_id": room["player_id"], "s": signature}
            )
            assert json.loads(next(lines)[6:])["here"] == before["here"] + 1
            assert server.end() == 0
            assert list(lines) == []


def test_a_postgres_to_try_things_on_ends_when_told_to_and_leaves_nothing() -> None:
    secret = "a password of its own"
    env = {**os.environ, "COSOUND_POSTGRES_PASSWORD": secret}
    with subprocess.Popen(
        [*COSOUND, "postgres"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            said = process.stdout.readline()
            if "PostgreSQL 18 on" not in said:
                pytest.skip(f"it cannot run here: {process.stderr.read().strip()}")
            assert secret not in said
            port = re.search(r":(\d+)/", said)
            assert port is not None
            given = {"host": "127.0.0.1", "port": port[1], "user": "postgres", "dbname": "postgres"}
            with psycopg.connect(**given, password=secret) as conn:
                folder = Path(str(conn.execute("show data_directory").fetchone()[0])).parent
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(**given, password="another")
            process.terminate()
            assert process.wait(PATIENCE_S) == 0
            assert process.stderr.read() == ""
            assert not folder.exists()
        finally:
            process.kill()
