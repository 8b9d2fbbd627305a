"""A real PostgreSQL killed under a real server with boxes, phones and pages on it; and the server's own end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cloud_world import RAIN
from mortal_postgres import MortalPostgres, mortal_postgres
from real_server import RealServer, serving, url_of

from cloud_stub.database import Database
from cloud_stub.engines.address import Address
from cloud_stub.migrate import bring_up_to_date
from cloud_stub.repositories import players, queue, songs
from cloud_stub.repositories.songs import NewSong
from cloud_stub.tokens import new_token
from tests.patience import PATIENCE_S, until

pytestmark = pytest.mark.processes


@contextmanager
def asking(server: RealServer) -> Iterator[tuple[httpx.Client, ThreadPoolExecutor]]:
    with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as http, ThreadPoolExecutor(8) as pool:
        yield http, pool


def furnished(where: Path | Address) -> tuple[dict[str, str], str, str]:
    """(a box's header, its room, a song) in a database that nobody serves yet."""
    bring_up_to_date(where)
    database, token, now_s = Database(where), new_token(), time.time()
    database.open()
    new = NewSong(
        title="Rain", type="soundscape", file_url="/media/x.wav", sha256="a" * 64, byte_size=1, duration=20.0,
        loudness_lufs=-23.0, true_peak_dbtp=-3.0, embedding=RAIN, embedding_source="hand",
    )  # fmt: skip
    with database.writing() as tx:
        room, song = players.create(tx, "Lobby", token, now_s), songs.add(tx, new, now_s)
        queue.replace(tx, room, [song], now_s)
    database.close()
    return {"X-API-Key": token.text}, room, song


def plays(song: str, count: int) -> dict[str, Any]:
    stamp = {"boot_id": "b", "mono_ms": 10**6, "wall_ms": round(time.time() * 1000)}
    bodies = [{"play_id": str(uuid4()), "song_id": song} for _ in range(count)]
    ops = [
        {"op_id": str(uuid4()), "seq": seq, "type": "play", "body": body, **stamp} for seq, body in enumerate(bodies)
    ]
    return {**stamp, "ops": ops}


@pytest.fixture(scope="module")
def mortal() -> Iterator[MortalPostgres]:
    with mortal_postgres() as running:
        yield running


def pushed(http: httpx.Client, box: dict[str, str], body: dict[str, Any]) -> list[str]:
    """As a box does it: the same again until it is told what became of it."""
    statuses: list[int] = []
    while True:
        try:
            answer = http.post("/api/sync/v1/push", headers=box, json=body)
        except httpx.TransportError:
            continue
        statuses.append(answer.status_code)
        if answer.status_code == 200:
            return [result["status"] for result in answer.json()["results"]]
        assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (503, True), statuses
        time.sleep(0.1)


def test_a_database_that_dies_and_comes_back(mortal: MortalPostgres, folder: Path) -> None:
    address = mortal.new_database("first")
    box, room, song = furnished(address)
    with serving(folder / "data", DATABASE_URL=url_of(address)) as server, asking(server) as (http, pool):
        known = http.get("/api/player/queue", headers=box)
        assert [each["title"] for each in known.json()["songs"]] == ["Rain"]
        batches = [plays(song, 40) for _ in range(12)]
        pushing = [pool.submit(pushed, http, box, body) for body in batches]
        until(lambda: any(each.done() for each in pushing))
        mortal.kill()
        until(lambda: http.get("/health").status_code == 503)
        assert http.get("/api/player/queue", headers=box).content == known.content
        again = http.get("/api/player/queue", headers={**box, "If-None-Match": known.headers["etag"]})
        assert again.status_code == 304
        for answer in (
            http.post("/auth/v1/signup", json={}),
            http.get("/api/sync/v1/pull", headers=box),
            http.get(f"/api/rooms/{room}"),
            http.post("/api/player/heartbeat", headers=box, json={**plays(song, 0), "audible": True}),
        ):
            assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0
        mortal.start_again()
        until(lambda: http.get("/health").status_code == 200)
        assert {status for each in pushing for status in each.result(PATIENCE_S)} == {"applied"}
        database = Database(address)
        database.open()
        with database.reading() as tx:
            stored = {row["id"] for row in tx.all("select id from songs_playing")}
            seen = tx.value("select count(*) from op_seen")
        database.close()
        assert stored == {op["body"]["play_id"] for body in batches for op in body["ops"]}
        assert seen == len(stored)
        assert server.end() == 0
    assert [line["says"].split(" (")[0] for line in server.lines() if line["level"] != "info"] == [
        "the database cannot be used", "the database is back",
    ]  # fmt: skip


def test_it_ends_at_once_while_its_database_is_dead(mortal: MortalPostgres, folder: Path) -> None:
    address = mortal.new_database("second")
    box, room, _ = furnished(address)
    with serving(folder / "data", DATABASE_URL=url_of(address)) as server, asking(server) as (http, pool):
        etag = http.get("/api/player/queue", headers=box).headers["etag"]
        held = [
            pool.submit(http.get, "/api/player/queue?wait=25", headers={**box, "If-None-Match": etag}) for _ in range(3)
        ]
        pages = [pool.submit(followed, str(http.base_url), room) for _ in range(3)]
        until(lambda: http.get("/health").json()["waiting"] == 6)
        mortal.kill()
        until(lambda: http.get("/health").status_code == 503)
        assert server.end() == 0  # none of the 25 s and 15 s that they would wait
        assert {each.result(PATIENCE_S).status_code for each in held} <= {304}
        assert all(page.result(PATIENCE_S) for page in pages)
    mortal.start_again()


def followed(url: str, room: str) -> list[str]:
    """Everything a page is told until the end."""
    with httpx.stream("GET", f"{url}/api/rooms/{room}/events", timeout=PATIENCE_S) as stream:
        return [line for line in stream.iter_lines() if line]
