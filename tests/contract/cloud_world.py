"""A whole cloud in a temporary directory, driven without sockets, and the callers it has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from doors import SECRET, Door, OwnDoor, SupabaseDoor
from secret_watch import SecretWatch
from starlette.applications import Starlette

from cloud_stub.addresses import address_of
from cloud_stub.app import create_app
from cloud_stub.engines.address import Address
from cloud_stub.project import create_project
from cloud_stub.repositories import cards, logins, players, profiles, songs
from cloud_stub.repositories.songs import NewSong
from cloud_stub.services import Services
from cloud_stub.settings import CloudSettings
from cloud_stub.storage import FolderStorage
from cloud_stub.tokens import new_token
from tests.patience import PATIENCE_S

RAIN, SEA, FIRE = (1.0, 0.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0, 1.0)


@dataclass
class Time:
    """A wall clock moved by hand."""

    s: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.s

    def advance(self, seconds: float) -> None:
        self.s += seconds


def settings_in(folder: Path, database: Path | Address | None = None) -> CloudSettings:
    return CloudSettings(
        data_dir=folder,
        database=database or folder / "cloud.db",
        media_dir=folder / "media",
        secret_key="a test's secret",
    )


class Client:
    """Asks the app without sockets, from a thread that is not the server's."""

    def __init__(self, app: Starlette, portal: BlockingPortal) -> None:
        self.portal = portal
        self._app = app
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        self.watch = SecretWatch()
        hooks = {"request": [self.watch.sent], "response": [self.watch.answered]}
        self._http = httpx.AsyncClient(transport=transport, base_url="http://cloud.test", timeout=30, event_hooks=hooks)

    def __enter__(self) -> Self:
        self.watch.begin()
        self._lifespan = self._app.router.lifespan_context(self._app)
        self.portal.call(self._lifespan.__aenter__)
        return self

    def __exit__(self, *_: object) -> None:
        self.portal.call(self._http.aclose)
        self.portal.call(self._lifespan.__aexit__, None, None, None)
        self.watch.end()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.portal.call(partial(self._http.request, method, path, **options))

    def later(self, method: str, path: str, **options: Any) -> Future[httpx.Response]:
        """Ask, and go on meanwhile."""
        return self.portal.start_task_soon(partial(self._http.request, method, path, **options))

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)


@dataclass
class Box:
    """One room's box: its token, its boot clock, and what it sends."""

    door: Door
    time: Time
    player_id: str
    token: str
    boot_id: str = "boot-1"
    booted_s: float = 1_799_999_000.0
    seq: int = 0

    @property
    def client(self) -> Client:
        """Who answers at its door."""
        return self.door.client

    @property
    def headers(self) -> dict[str, str]:
        return {"X-API-Key": self.token}

    def now_fields(self) -> dict[str, Any]:
        mono_ms = round((self.time.s - self.booted_s) * 1000)
        return {"boot_id": self.boot_id, "mono_ms": mono_ms, "wall_ms": round(self.time.s * 1000)}

    def op(self, type_: str, body: dict[str, Any], **over: Any) -> dict[str, Any]:
        self.seq += 1
        return {"op_id": str(uuid4()), "seq": self.seq, "type": type_, "body": body, **self.now_fields(), **over}

    def push(self, *ops: dict[str, Any]) -> list[str]:
        reply = self.door.push(self.headers, {**self.now_fields(), "ops": list(ops)})
        assert reply.status_code == 200, reply.text
        assert [result["op_id"] for result in reply.json()["results"]] == [op["op_id"] for op in ops]
        return [result["status"] for result in reply.json()["results"]]

    def pull(self, **params: Any) -> dict[str, Any]:
        reply = self.door.pull(self.headers, params)
        assert reply.status_code == 200, reply.text
        answer: dict[str, Any] = reply.json()
        return answer

    def hears(self, *layers: tuple[str, float], audible: bool = True, **over: Any) -> dict[str, Any]:
        scene = [{"song_id": song_id, "share": share} for song_id, share in layers]
        body = {**self.now_fields(), "audible": audible, "scene_id": str(uuid4()), "scene": scene, **over}
        reply = self.door.beat(self.headers, body)
        assert reply.status_code == 200, reply.text
        answer: dict[str, Any] = reply.json()
        return answer

    def queue(self, **headers: str) -> Any:
        return self.door.queue({**self.headers, **headers})


@dataclass
class Copy:
    """What a box holds of its bucket: follows pulls as the wire says."""

    box: Box
    limit: int = 500
    epoch: str = ""
    rev: int = 0
    rows: dict[tuple[str, str], Any] = field(default_factory=dict)
    resets: int = 0

    def sync(self) -> str | None:
        """Pull to the end; returns the digest that came last."""
        while True:
            page = self.box.pull(epoch=self.epoch, since=self.rev, limit=self.limit)
            if page["reset"]:
                self._take_bucket(page)
                continue
            self._apply(page["changes"])
            self.epoch, self.rev = page["epoch"], page["next"]
            if not page["more"]:
                digest: str | None = page["digest"]
                return digest

    def _take_bucket(self, first: dict[str, Any]) -> None:
        self.resets += 1
        self.rows = {}
        page = first
        self._apply(page["changes"])
        while page["more"]:
            last = page["changes"][-1]
            cursor = f"{last['tbl']}:{last['pk']}"
            page = self.box.pull(epoch=first["epoch"], since=first["next"], cursor=cursor, limit=self.limit)
            self._apply(page["changes"])
        self.epoch, self.rev = first["epoch"], first["next"]

    def _apply(self, changes: list[dict[str, Any]]) -> None:
        for change in changes:
            if change["op"] == "put":
                self.rows[change["tbl"], change["pk"]] = change["row"]
            else:
                self.rows.pop((change["tbl"], change["pk"]), None)

    def table(self, tbl: str) -> dict[str, Any]:
        return {pk: row for (name, pk), row in self.rows.items() if name == tbl}


@dataclass
class Phone:
    """One listener with a login."""

    client: Client
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def post(self, path: str, **body: Any) -> Any:
        return self.client.post(path, headers=self.headers, json=body)

    def get(self, path: str) -> Any:
        return self.client.get(path, headers=self.headers)

    def me(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.get("/api/me").json()
        return answer


def enrolled(box: Box, card: str = "c" * 64) -> str:
    profile_id = str(uuid4())
    body = {"profile_id": profile_id, "display_name": "Heron", "key_hash": card}
    assert box.push(box.op("enrol", body)) == ["applied"]
    return profile_id


def stay(profile_id: str, session_id: str | None = None, expires_in_s: float = 3600.0) -> dict[str, Any]:
    return {
        "tap_id": str(uuid4()),
        "session_id": session_id or str(uuid4()),
        "profile_id": profile_id,
        "expires_in_s": expires_in_s,
    }


def vote(profile_id: str, song_id: str, value: Any = 5, **more: Any) -> dict[str, Any]:
    return {"vote_id": str(uuid4()), "profile_id": profile_id, "song_id": song_id, "vote_value": value, **more}


@dataclass
class World:
    """The cloud, its clock, and hands to put things into it."""

    client: Client
    time: Time
    services: Services
    settings: CloudSettings
    door: Door

    def write(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Do it in the server's own thread, in one transaction."""
        return self.client.portal.call(partial(self.services.database.write, work, *args, **kwargs))

    def read(self, work: Callable[..., Any], *args: Any) -> Any:
        return self.client.portal.call(partial(self.services.database.read, work, *args))

    def box(self, name: str = "Lobby") -> Box:
        token = new_token()
        self.client.watch.keep(token.text)
        player_id = self.write(players.create, name, token, self.time.s)
        return Box(self.door, self.time, player_id, token.text)

    def song(
        self, title: str, embedding: tuple[float, ...] | None = None, kind: str = "soundscape", data: bytes = b""
    ) -> str:
        """A song whose file holds `data` (or its title), without being audio."""
        content = data or title.encode()
        digest = sha256(content).hexdigest()
        path = self.settings.data_dir / "upload"
        path.write_bytes(content)
        self.services.storage.put(f"{digest}.wav", path)
        new = NewSong(
            title=title, type=kind, file_url=self.door.file_url(f"{digest}.wav"), sha256=digest, byte_size=len(content),
            duration=20.0, loudness_lufs=-23.0, true_peak_dbtp=-3.0, embedding=embedding,
            embedding_source="hand" if embedding else "neutral",
        )  # fmt: skip
        return self.write(songs.add, new, self.time.s)

    def phone(self) -> Phone:
        reply = self.client.post("/auth/v1/signup", json={})
        return Phone(self.client, reply.json()["access_token"])

    def check_in(self, phone: Phone, box: Box) -> Any:
        """As somebody who scanned the room's sign."""
        return phone.post("/api/checkin", player_id=box.player_id, s=self.signature(box))

    def signature(self, box: Box) -> str:
        """What the newest sign of the room says behind `?s=`."""
        player = self.read(players.find, box.player_id)
        return address_of(player, self.settings.secret_key, None).partition("?s=")[2]

    def staff(self, role: str = "admin") -> Phone:
        phone = self.phone()
        self.write(logins.grant, phone.me()["id"], role)
        return phone

    def card_holder(self, key_hash: str) -> str:
        profile_id = self.write(profiles.create, self.time.s, display_name=f"Card {key_hash[:4]}")
        self.write(cards.add, key_hash, 1, profile_id, self.time.s)
        return profile_id

    def until_waiting(self, count: int) -> None:
        """Come back when so many answers are held back."""

        async def wait() -> None:
            async with asyncio.timeout(PATIENCE_S):
                while len(self.services.waiters) < count:
                    await asyncio.sleep(0)

        self.client.portal.call(wait)

    def wake_all(self) -> None:
        """As if something had changed for everybody who waits."""

        async def wake() -> None:
            self.services.waiters.close()
            self.services.waiters.open()

        self.client.portal.call(wake)

    def refresh(self) -> None:
        """What the refresh does every 30 s, now."""
        self.client.portal.call(self.services.refresher.refresh_all)


@contextmanager
def cloud_world(
    folder: Path, database: Path | Address | None = None, *, alone: bool = False, **told: Any
) -> Iterator[World]:
    """alone: boxes take Supabase's door; the server stands beside it, for phones and staff.

    told: settings other than a test's usual ones.
    """
    clock = Time()
    settings = replace(settings_in(folder, database), **told)
    app = create_app(settings, now=clock)
    with (
        start_blocking_portal() as portal,
        Client(app, portal) as client,
        _door(client, portal, clock, settings, database if alone else None) as door,
    ):
        client.watch.keep(settings.secret_key)
        yield World(client, clock, app.state.services, settings, door)


@contextmanager
def _door(
    client: Client, portal: BlockingPortal, clock: Time, settings: CloudSettings, alone: Path | Address | None
) -> Iterator[Door]:
    if alone is None:
        yield OwnDoor(client)
        return
    assert isinstance(alone, Address), "Supabase is a PostgreSQL"
    app = create_project(alone, SECRET, FolderStorage(settings.media_dir))
    with Client(app, portal) as project:
        yield SupabaseDoor(project, clock)
