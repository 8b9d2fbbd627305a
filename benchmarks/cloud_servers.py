"""Servers to measure: ours with rooms in it, and one that does nothing, each in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import numpy as np

from cloud_stub import login_tokens
from cloud_stub.addresses import address_of
from cloud_stub.database import Database
from cloud_stub.engines.address import Address
from cloud_stub.migrate import migrate
from cloud_stub.moments import to_text
from cloud_stub.repositories import logins, players, profiles, sessions, songs
from cloud_stub.repositories.songs import NewSong
from cloud_stub.settings import CloudSettings
from cloud_stub.tokens import new_token

PEOPLE = 24
AUDIBLE = 10  # songs that sound in a room at once
NOTHING = """
import asyncio, uvicorn
from cloud_stub.serve import bind
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})
sock = bind("127.0.0.1", 0)
print("http://127.0.0.1:%d" % sock.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)).run(sockets=[sock])
"""


@dataclass(frozen=True, slots=True)
class Running:
    """A server on 127.0.0.1."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class Contents:
    """Whose tokens and logins are good, and what is there."""

    rooms: list[str]
    signs: list[dict[str, str]]  # what a phone sends that scanned the room's sign
    tokens: list[str]
    logins: list[str]
    songs: list[str]


@dataclass(frozen=True, slots=True)
class Cloud:
    """Ours, running, with what is in it."""

    running: Running
    contents: Contents

    @property
    def pid(self) -> int:
        return self.running.pid

    @property
    def port(self) -> int:
        return self.running.port

    @property
    def url(self) -> str:
        return self.running.url

    @property
    def rooms(self) -> list[str]:
        return self.contents.rooms

    @property
    def signs(self) -> list[dict[str, str]]:
        return self.contents.signs

    @property
    def tokens(self) -> list[str]:
        return self.contents.tokens

    @property
    def logins(self) -> list[str]:
        return self.contents.logins

    @property
    def songs(self) -> list[str]:
        return self.contents.songs

    def hears(self, http: httpx.Client, token: str) -> None:
        """The box of that token says that the first songs sound."""
        scene = [{"song_id": song, "share": 1 / AUDIBLE} for song in self.songs[:AUDIBLE]]
        beat = {"boot_id": "b", "mono_ms": 1, "wall_ms": 1, "audible": True, "scene_id": str(uuid4()), "scene": scene}
        http.post("/api/player/heartbeat", headers={"X-API-Key": token}, json=beat).raise_for_status()


@contextmanager
def cloud_with_rooms(folder: Path, rooms: int, database: Address | None = None) -> Iterator[Cloud]:
    settings, contents = filled(folder, rooms, database)
    env = {**os.environ, "SECRET_KEY": settings.secret_key, "DATABASE_URL": ""}
    if database is not None:
        env |= {
            "DATABASE_URL": f"postgresql://{database.user}:{database.password}@{database.host}:{database.port}/postgres"
        }
    command = [sys.executable, "-m", "appliance", "cloud", "serve", "--data", str(folder), "--port", "0"]
    with _running(command, env) as running:
        yield Cloud(running, contents)


@contextmanager
def do_nothing() -> Iterator[Running]:
    with _running([sys.executable, "-c", NOTHING], dict(os.environ)) as running:
        yield running


def filled(folder: Path, rooms: int, database: Address | None, *, songs: int = 40) -> tuple[CloudSettings, Contents]:
    """A cloud with so many rooms and songs, and people in the first rooms."""
    settings = CloudSettings.for_directory(folder, {"SECRET_KEY": "only for measuring"})
    opened = Database(database or settings.database)
    opened.open()
    migrate(opened, to_text(time.time()))
    contents = _fill(opened, settings, rooms, songs)
    opened.close()
    return settings, contents


def _fill(opened: Database, settings: CloudSettings, rooms: int, count: int) -> Contents:
    rng, now_s = np.random.default_rng(1), time.time()
    with opened.writing() as tx:
        song_ids = [songs.add(tx, _song(number, rng.random(5)), now_s) for number in range(count)]
        tokens = [new_token() for _ in range(rooms)]
        room_ids = [players.create(tx, f"Room {n}", token, now_s) for n, token in enumerate(tokens)]
        found = {row["id"]: address_of(row, settings.secret_key, None) for row in players.listed(tx)}
        signs = [{"player_id": room_id, "s": found[room_id].partition("?s=")[2]} for room_id in room_ids]
        people, users = [], []
        for number in range(max(PEOPLE, rooms)):
            user = logins.create(tx, None, None, now_s)
            person = profiles.create(tx, now_s, auth_user_id=user, display_name=f"Person {number}")
            people.append(person)
            users.append(user)
        for room_id, person in zip(room_ids, people, strict=False):
            sessions.begin(tx, person, room_id, now_s, now_s + 3600, now_s)
    tickets = [login_tokens.issue(settings.secret_key, user, now_s, 3600, anonymous=True) for user in users[-PEOPLE:]]
    return Contents(room_ids, signs, [token.text for token in tokens], tickets, song_ids)


def _song(number: int, embedding: np.ndarray[tuple[int], np.dtype[np.float64]]) -> NewSong:
    return NewSong(
        title=f"Song {number}", type="soundscape" if number % 4 else "instrumental", file_url="/media/x.wav",
        sha256=f"{number:064x}", byte_size=1, duration=60.0, loudness_lufs=-23.0, true_peak_dbtp=-3.0,
        embedding=embedding.tolist(), embedding_source="hand",
    )  # fmt: skip


@contextmanager
def _running(command: list[str], env: dict[str, str]) -> Iterator[Running]:
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            port = re.search(r":(\d+)\s*$", said)
            assert port, f"{command[2]} said {said!r}"
            yield Running(process.pid, int(port[1]))
        finally:
            process.terminate()


def memory_kib(pid: int) -> float:
    """Resident memory of the process."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return float(line.split()[1])
