"""Our cloud as the box speaks to it: five calls, each of `sync.door`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel

from sync import wire
from sync.answers import Answer, judge, read_answer
from sync.digest import bucket_etag
from sync.door import QueueAnswer
from sync.errors import MediaError
from sync.http import Ears, Exchanges, check_address, check_store, read_whole

Reply = TypeVar("Reply", bound=BaseModel)


class Cloud:
    """The door to our own server."""

    def __init__(self, http: httpx.Client, token: str, ears: Ears | None = None) -> None:
        self._exchanges = Exchanges(http, judge, ears)
        self._headers = {wire.API_KEY_HEADER: token}

    def push(self, request: wire.PushRequest) -> wire.PushReply:
        return self._post("/api/sync/v1/push", request, wire.PushReply)

    def pull(
        self,
        epoch: str,
        since: int,
        *,
        cursor: str | None = None,
        heard: int = 0,
        wait_s: float = 0.0,
        digest: str = "",
        limit: int = wire.PULL_MAX_ROWS,
    ) -> wire.PullReply | None:
        params: dict[str, Any] = {"epoch": epoch, "since": since}
        if heard:
            params["heard"] = heard
        if limit != wire.PULL_MAX_ROWS:
            params["limit"] = limit
        if cursor is not None:
            params["cursor"] = cursor
        headers = {"Accept-Encoding": "gzip"}
        if digest:
            headers["If-None-Match"] = bucket_etag(epoch, since, digest)
        answer = self._get("/api/sync/v1/pull", params, wait_s, headers)
        return None if answer.status == 304 else read_answer(answer, wire.PullReply)

    def queue(self, etag: str = "", wait_s: float = 0.0) -> QueueAnswer | None:
        headers = {"If-None-Match": etag} if etag else {}
        answer = self._get("/api/player/queue", {}, wait_s, headers)
        if answer.status == 304:
            return None
        return QueueAnswer(read_answer(answer, wire.QueueReply), answer.headers.get("etag", ""))

    def heartbeat(self, beat: wire.Heartbeat) -> wire.HeartbeatReply:
        return self._post("/api/player/heartbeat", beat, wire.HeartbeatReply)

    def bare_beat(self, beat: wire.BareBeat) -> bool:
        content, headers = self._json(beat)
        answer = self._exchanges.ask(
            "POST", "/api/player/heartbeat", content=content, headers=headers, expected=(409, 422)
        )
        return answer.status == 204

    @contextmanager
    def open_media(self, sha256: str, headers: Mapping[str, str], file_url: str = "") -> Iterator[httpx.Response]:
        """One redirect is followed, to where the bytes are; our token does not go there. Nor is it a word of the
        cloud's: a captive portal sends us on, too."""
        wanted = {**headers, "Accept-Encoding": "identity"}
        self._exchanges.ears.asking()
        with self._exchanges.stream(f"/api/media/{sha256}", {**self._headers, **wanted}) as first:
            if first.status_code not in (301, 302, 303, 307, 308):
                self._check_media(first, sha256)
                yield first
                return
            url = first.url.join(first.headers.get("location", ""))
        check_address(url, sha256)
        with self._exchanges.stream(url, wanted) as second:
            check_store(second, sha256)
            yield second

    def close(self) -> None:
        self._exchanges.close()

    def _check_media(self, response: httpx.Response, sha256: str) -> None:
        if response.status_code in (404, 410):
            raise MediaError(f"file {sha256[:12]}: the cloud does not have it")
        if response.status_code not in (200, 206, 416) or "text/html" in response.headers.get("content-type", ""):
            judge(read_whole(response))
            raise MediaError(f"file {sha256[:12]}: the cloud answers {response.status_code}")
        self._exchanges.ears.heard()

    def _get(
        self, path: str, params: Mapping[str, Any], wait_s: float, headers: Mapping[str, str] | None = None
    ) -> Answer:
        if wait_s > 0:
            params = {**params, "wait": f"{wait_s:.1f}"}
        return self._exchanges.ask(
            "GET", path, wait_s=wait_s, params=params, headers={**self._headers, **(headers or {})}
        )

    def _post(self, path: str, body: BaseModel, model: type[Reply]) -> Reply:
        content, headers = self._json(body)
        return read_answer(self._exchanges.ask("POST", path, content=content, headers=headers), model)

    def _json(self, body: BaseModel) -> tuple[bytes, dict[str, str]]:
        content = body.model_dump_json(exclude_defaults=True).encode()
        return content, {**self._headers, "Content-Type": "application/json"}
