"""The two doors a box may take to a cloud, as tests knock at them: our server, and Supabase alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import httpx
import pytest

from appliance.store import Store
from cloud_stub.project import api_key, publishable_key
from sync.client import Cloud
from sync.door import Door as ClientsDoor
from sync.pull import pull_once
from sync.supabase import Supabase

if TYPE_CHECKING:
    from cloud_world import Client, Time

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgres", "supabase"], indirect=True)
SECRET = "signs the keys of a test's project"
Headers = Mapping[str, str]


class Door(Protocol):
    """Each gives what the wire's models say, as JSON or as a response of our server's."""

    name: str
    client: Client

    def push(self, headers: Headers, body: Any) -> httpx.Response: ...

    def pull(self, headers: Headers, params: Mapping[str, Any]) -> httpx.Response: ...

    def beat(self, headers: Headers, body: Any) -> httpx.Response: ...

    def queue(self, headers: Headers) -> httpx.Response: ...

    def file_url(self, name: str) -> str:
        """What a song's row says of where its file is."""

    def open(self, token: str) -> ClientsDoor:
        """The box's own client of this door."""


@dataclass
class OwnDoor:
    client: Client
    name: str = "server"

    def push(self, headers: Headers, body: Any) -> httpx.Response:
        return self.client.post("/api/sync/v1/push", headers=headers, json=body)

    def pull(self, headers: Headers, params: Mapping[str, Any]) -> httpx.Response:
        return self.client.get("/api/sync/v1/pull", headers=headers, params=params)

    def beat(self, headers: Headers, body: Any) -> httpx.Response:
        return self.client.post("/api/player/heartbeat", headers=headers, json=body)

    def queue(self, headers: Headers) -> httpx.Response:
        return self.client.get("/api/player/queue", headers=headers)

    def file_url(self, name: str) -> str:
        return f"/media/{name}"

    def open(self, token: str) -> Cloud:
        return Cloud(httpx.Client(transport=Transport(self.client), base_url="http://cloud.test"), token)


@dataclass
class SupabaseDoor:
    """`client` asks the project. The database's clock is the asker's (see postgres_server)."""

    client: Client
    time: Time
    name: str = "supabase"

    @property
    def key(self) -> str:
        return api_key(SECRET, "anon", time.time())

    def call(self, function: str, headers: Headers, **arguments: Any) -> httpx.Response:
        known = {"apikey": self.key, "Authorization": f"Bearer {self.key}", "X-Test-Now": repr(self.time.s)}
        return self.client.post(f"/rest/v1/rpc/{function}", headers={**known, **headers}, json=arguments)

    def push(self, headers: Headers, body: Any) -> httpx.Response:
        return _part(self.call("sync_push", headers, push=body), "push")

    def pull(self, headers: Headers, params: Mapping[str, Any]) -> httpx.Response:
        return _part(self.call("sync_pull", headers, pull={"epoch": "", "since": 0, **params}), "pull")

    def beat(self, headers: Headers, body: Any) -> httpx.Response:
        return _part(self.call("sync_push", headers, beat=body), "beat")

    def queue(self, headers: Headers) -> httpx.Response:
        etag = headers.get("If-None-Match", "")
        answer = self.call("sync_pull", headers, queue=etag)
        if answer.status_code == 200 and "queue" not in answer.json():
            return httpx.Response(304, headers={"ETag": etag})
        found = _part(answer, "queue")
        found.headers["ETag"] = answer.json().get("queue_etag", "")
        return found

    def file_url(self, name: str) -> str:
        return f"/storage/v1/object/public/sounds/{name}"

    def open(self, token: str) -> Supabase:
        headers = {"X-Test-Now": lambda: repr(self.time.s)}
        http = httpx.Client(transport=Transport(self.client, headers), base_url="http://project.test")
        return Supabase(http, publishable_key(SECRET), token)


class Transport(httpx.BaseTransport):
    """Hands a request to the world's app, as a socket would."""

    def __init__(self, client: Client, more: Mapping[str, Any] | None = None) -> None:
        self._client = client
        self._more = more or {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = {**request.headers, **{name: value() for name, value in self._more.items()}}
        answer = self._client.request(
            request.method, str(request.url.raw_path, "ascii"), headers=headers, content=request.read()
        )
        kept = [(k, v) for k, v in answer.headers.multi_items() if k != "content-encoding"]
        return httpx.Response(answer.status_code, headers=kept, stream=httpx.ByteStream(answer.content))


def in_step(store: Store, cloud: ClientsDoor) -> bool:
    """A pull that brings nothing and finds both digests equal."""
    report = pull_once(store, cloud)
    return not report.mismatched and report.changes == 0


def _part(answer: httpx.Response, name: str) -> httpx.Response:
    """What the function answered under this name; refusals as they came."""
    if answer.status_code != 200:
        return answer
    return httpx.Response(200, json=answer.json()[name])
