"""The cloud under boxes that poll and wait, people who vote, and rooms to rank."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from benchmarks.cloud_load import cpu_s, hold_open, poll_many
from benchmarks.cloud_servers import AUDIBLE, Cloud, cloud_with_rooms, do_nothing, filled, memory_kib
from benchmarks.row import Row, missing
from cloud_stub.database import Database
from cloud_stub.embedded_postgres import EmbeddedPostgres
from cloud_stub.engines.address import Address
from cloud_stub.errors import SetupError
from cloud_stub.services import Services

CPU_GOAL_US, RATIO_GOAL = 40.0, 1.6
IDLE_GOAL_KIB, PUSH_GOAL_MS, VOTE_GOAL_MS, REFRESH_GOAL_S = 20.0, 5.0, 2.0, 1.0
ROOMS = 1000
VOTE = "a vote by phone, request to answer"
NOTHING = b"GET / HTTP/1.1\r\nHost: b\r\n\r\n"
BARE = "one row committed on the same engine and disk"


def rows(*, quick: bool) -> list[Row]:
    """One server process with a thousand rooms beside one that does nothing, then PostgreSQL where it runs."""
    with TemporaryDirectory(prefix="cosound-bench-") as folder:
        place = Path(folder)
        return [*_polls(place, quick), *_votes(place, quick), *_refreshes(place, quick)]


def _polls(place: Path, quick: bool) -> list[Row]:
    rounds, requests = (2, 4_000) if quick else (5, 20_000)
    with cloud_with_rooms(place / "polls", ROOMS) as cloud, do_nothing() as nothing:
        asks = [_not_modified(cloud, room) for room in range(0, ROOMS, 5)]
        ours, idle = [], []
        for _ in range(rounds):
            idle.append(poll_many(nothing.port, nothing.pid, [NOTHING], requests))
            ours.append(poll_many(cloud.port, cloud.pid, asks, requests))
        waiting = 1_000 if quick else 10_000
        kib, held = _idle_kib(cloud, waiting)
        pushed = _pushes(cloud, 20 if quick else 100)
    floor = median(_time_commits(place / "floor.db", len(pushed)))
    cpu, reference = median(run.cpu_us for run in ours), median(run.cpu_us for run in idle)
    note = f"server process, median of {rounds} × {requests} requests; reference: a do-nothing ASGI app"
    return [
        Row("cloud.304.cpu_us", "CPU of a poll that finds nothing new", cpu, "µs", reference, CPU_GOAL_US, note=note),
        Row("cloud.304.cpu_ratio", "the same against the do-nothing app", cpu, "µs", reference, RATIO_GOAL, of="ratio"),
        Row("cloud.304.rps", "such polls a second, one process", max(run.per_s for run in ours), "/s",
            max(run.per_s for run in idle), note="as many as a Python client on the same two cores can ask"),
        Row("cloud.idle_longpoll_kib", "memory of a box that waits", kib, "KiB", goal=IDLE_GOAL_KIB,
            note=f"{held} at once"),
        Row("cloud.push_ms_p50", "check-in sent → the room's waiting box answered", median(pushed), "ms", floor,
            PUSH_GOAL_MS, note=f"{len(pushed)} check-ins, commit counted in; reference: {BARE}"),
    ]  # fmt: skip


def _not_modified(cloud: Cloud, room: int) -> bytes:
    headers = {"X-API-Key": cloud.tokens[room]}
    # The first request waits for the first ranking of all rooms: on a busy machine for many seconds.
    etag = httpx.get(f"{cloud.url}/api/player/queue", headers=headers, timeout=60).headers["etag"]
    return (
        f"GET /api/player/queue HTTP/1.1\r\nHost: b\r\nX-API-Key: {cloud.tokens[room]}\r\nIf-None-Match: {etag}\r\n\r\n"
    ).encode()


def _idle_kib(cloud: Cloud, count: int) -> tuple[float, int]:
    """(KiB of each, how many were held open)."""
    asks = [_not_modified(cloud, room).replace(b"/queue ", b"/queue?wait=25 ") for room in range(20)]
    before = memory_kib(cloud.pid)
    held, after = hold_open(cloud.port, asks, count, lambda: memory_kib(cloud.pid))
    return (after - before) / held, held


def _pushes(cloud: Cloud, times: int) -> list[float]:
    """Milliseconds from a check-in's last byte sent to the box's answer received, over plain connections."""
    took = []
    with (
        socket.create_connection(("127.0.0.1", cloud.port)) as box,
        socket.create_connection(("127.0.0.1", cloud.port)) as phone,
    ):
        mark = _pulled(box, cloud.tokens[0], "")
        for turn in range(times):
            at = f"epoch={mark['epoch']}&since={mark['next']}"
            mark = _pulled(box, cloud.tokens[0], at)
            box.sendall(_get(f"/api/sync/v1/pull?epoch={mark['epoch']}&since={mark['next']}&wait=20", cloud.tokens[0]))
            time.sleep(0.05)  # until it waits
            login = f"Bearer {cloud.logins[turn % len(cloud.logins)]}"
            wanted = _post("/api/checkin", login, cloud.signs[0])
            began_s = time.perf_counter()
            phone.sendall(wanted)
            mark = json.loads(_body(_answer(box)))
            took.append((time.perf_counter() - began_s) * 1e3)
            assert _answer(phone).startswith(b"HTTP/1.1 200")
    return took


def _pulled(box: socket.socket, token: str, query: str) -> dict[str, Any]:
    box.sendall(_get(f"/api/sync/v1/pull?{query}", token))
    page: dict[str, Any] = json.loads(_body(_answer(box)))
    return page


def _votes(place: Path, quick: bool) -> list[Row]:
    count = 60 if quick else 240
    made = _vote_rows("sqlite", place / "votes", None, count)
    try:
        with EmbeddedPostgres() as server:
            made += _vote_rows("postgres", place / "votes-pg", server.address(), count)
    except SetupError as error:
        made.append(missing("cloud.vote_ms_p50.postgres", VOTE, "ms", str(error)))
    return made


def _vote_rows(engine: str, folder: Path, database: Address | None, count: int) -> list[Row]:
    with cloud_with_rooms(folder, 8, database) as cloud, do_nothing() as nothing:
        idle_ms = poll_many(nothing.port, nothing.pid, [NOTHING], 4_000).cpu_us / 1e3
        took, spent_ms = _time_votes(cloud, count)
    floor = median(_time_commits(database or folder / "floor.db", count))
    note = f"{count} votes, 8 rooms, one at a time; reference: {BARE}"
    spent = "the server's processor between request and answer; reference: a request to a do-nothing ASGI app"
    return [
        Row(f"cloud.vote_ms_p50.{engine}", VOTE, median(took), "ms", floor, VOTE_GOAL_MS, note=note),
        Row(f"cloud.vote_cpu_ms.{engine}", "what such a vote costs", spent_ms, "ms", idle_ms, note=spent),
    ]


def _time_commits(where: Path | Address, count: int) -> list[float]:
    """Milliseconds of one row committed, in a transaction like any of ours, without a server before it."""
    database = Database(where)
    database.open()
    with database.writing() as tx:
        tx.run("create table facts (n integer)")
    took = []
    for number in range(count):
        began_s = time.perf_counter()
        with database.writing() as tx:
            tx.run("insert into facts values (?)", number)
        took.append((time.perf_counter() - began_s) * 1e3)
    database.close()
    return took


def _time_votes(cloud: Cloud, count: int) -> tuple[list[float], float]:
    """(milliseconds of each, the server's of its processor for one). Over one plain connection: what a client spends on
    itself is not the server's."""
    took, spent_s = [], 0.0
    with httpx.Client(base_url=cloud.url) as http, socket.create_connection(("127.0.0.1", cloud.port)) as phone:
        people = [{"Authorization": f"Bearer {login}"} for login in cloud.logins]
        for number, login in enumerate(people):
            sign = cloud.signs[number % len(cloud.signs)]
            http.post("/api/checkin", headers=login, json=sign).raise_for_status()
        for number in range(count):
            if number % 40 == 0:
                for token in cloud.tokens:
                    cloud.hears(http, token)
            song = cloud.songs[number // len(people) % AUDIBLE]  # nobody rates a song twice: that is another path
            ask = {"song_id": song, "vote_value": 1 + number % 5}
            wanted = _post("/api/votes", people[number % len(people)]["Authorization"], ask)
            spent_s -= cpu_s(cloud.pid)
            began_s = time.perf_counter()
            phone.sendall(wanted)
            answer = _answer(phone)
            took.append((time.perf_counter() - began_s) * 1e3)
            spent_s += cpu_s(cloud.pid)
            assert answer.startswith(b"HTTP/1.1 200"), answer
    return took, spent_s / count * 1e3


def _answer(phone: socket.socket) -> bytes:
    """A whole answer whose length is said in its head."""
    got = b""
    while True:
        got += phone.recv(65_536)
        head, end, body = got.partition(b"\r\n\r\n")
        if end and len(body) >= int(head.lower().partition(b"content-length:")[2].split()[0]):
            return got


def _body(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def _get(path: str, token: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: b\r\nX-API-Key: {token}\r\n\r\n".encode()


def _post(path: str, login: str, body: object) -> bytes:
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: b\r\nAuthorization: {login}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def _refreshes(place: Path, quick: bool) -> list[Row]:
    rooms = 200 if quick else ROOMS
    row_id, name = "cloud.refresh_1000_s", "ranking a thousand rooms with people in them"
    made = [_refresh_row(row_id, name, place / "refresh", rooms, None)]
    try:
        with EmbeddedPostgres() as server:
            made.append(_refresh_row(f"{row_id}.postgres", name, place / "refresh-pg", rooms, server.address()))
    except SetupError as error:
        made.append(missing(f"{row_id}.postgres", name, "s", str(error)))
    return made


def _refresh_row(row_id: str, name: str, folder: Path, rooms: int, database: Address | None) -> Row:
    settings, _ = filled(folder, rooms, database, songs=200)
    services = Services.build(replace(settings, database=database or settings.database, refresh_s=3600.0))
    took = [seconds * ROOMS / rooms for seconds in asyncio.run(_time_refreshes(services))]
    note = f"best of {len(took)}, {rooms} rooms, 200 songs"
    return Row(row_id, name, min(took), "s", goal=REFRESH_GOAL_S, note=note)


async def _time_refreshes(services: Services) -> list[float]:
    await services.start()
    took = []
    for _ in range(3):
        began_s = time.perf_counter()
        await services.refresher.refresh_all()
        took.append(time.perf_counter() - began_s)
    await services.stop()
    return took
