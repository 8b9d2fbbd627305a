"""The cloud as the box speaks to it: five calls, strict deadlines, and errors that say what to do next."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic
from typing import Any, TypeVar
from urllib.request import getproxies

import httpx
from pydantic import BaseModel

from sync import wire
from sync.answers import Answer, judge, read_answer, retry_after
from sync.digest import bucket_etag
from sync.errors import LinkDown, MediaError

CONNECT_S = 5.0
PATIENCE_S = 10.0
KEEPALIVE_S = 60.0
MAX_ANSWER_BYTES = 16 << 20

# A link that dies without a word is noticed by the kernel in ~20 s, not at the end of a long poll.
_SOCKET_OPTIONS = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 4),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 15_000),
)

Reply = TypeVar("Reply", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class QueueAnswer:
    """A new queue, and the ETag by which to ask whether it still holds ("" if the cloud gave none)."""

    reply: wire.QueueReply
    etag: str


def open_http(base_url: str) -> httpx.Client:
    """The box's HTTP client: shared by its threads, follows no redirect, keeps connections for a minute."""
    # A transport of our own would bypass the proxies that a venue's environment may name.
    transport = None if getproxies() else httpx.HTTPTransport(limits=_limits(), socket_options=_SOCKET_OPTIONS)
    http = httpx.Client(base_url=base_url, limits=_limits(), transport=transport, follow_redirects=False)
    for name in ("accept", "accept-encoding", "connection", "user-agent"):  # HTTP/1.1's own defaults, every time
        del http.headers[name]
    return http


def cloud_name(url: str, token: str) -> str:
    """Tells one cloud, and one room in it, from another; says nothing of the token."""
    return sha256(f"{url} {token}".encode()).hexdigest()[:16]


def _limits() -> httpx.Limits:
    return httpx.Limits(max_connections=12, max_keepalive_connections=8, keepalive_expiry=KEEPALIVE_S)


class Cloud:
    """Typed calls. Every one raises LinkDown, NotTheCloud, NotAuthorised or BadRequest, and nothing else.

    heard: called after each answer that came from the cloud itself.
    """

    def __init__(self, http: httpx.Client, token: str, heard: Callable[[], None] | None = None) -> None:
        self._http = http
        self._headers = {wire.API_KEY_HEADER: token}
        self._heard = heard or (lambda: None)

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
        """The page of changes after `since`, or None: nothing new, and `digest` is the cloud's too (304)."""
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
        """What is best next, or None: what `etag` names still holds."""
        headers = {"If-None-Match": etag} if etag else {}
        answer = self._get("/api/player/queue", {}, wait_s, headers)
        if answer.status == 304:
            return None
        return QueueAnswer(read_answer(answer, wire.QueueReply), answer.headers.get("etag", ""))

    def heartbeat(self, beat: wire.Heartbeat) -> wire.HeartbeatReply:
        return self._post("/api/player/heartbeat", beat, wire.HeartbeatReply)

    def bare_beat(self, beat: wire.BareBeat) -> bool:
        """False when the cloud does not keep what the beat refers to."""
        content, headers = self._json(beat)
        path = "/api/player/heartbeat"
        answer = self._exchange("POST", path, 0, content=content, headers=headers, expected=(409, 422))
        return answer.status == 204

    @contextmanager
    def open_media(self, sha256: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """The bytes of a file, unread: status 200, 206 or 416. `headers` carry Range and If-Range.

        One redirect is followed, to where the bytes are; our token does not go there. Raises MediaError when
        this file cannot be had, LinkDown when the cloud cannot be reached.
        """
        wanted = {**headers, "Accept-Encoding": "identity"}
        asked = {**self._headers, **wanted}
        with (
            _translated(),
            self._http.stream("GET", f"/api/media/{sha256}", headers=asked, timeout=_timeout(0)) as first,
        ):
            if first.status_code not in (301, 302, 303, 307, 308):
                self._check_media(first, sha256)
                yield first
                return
            self._heard()
            url = first.url.join(first.headers.get("location", ""))
        if url.scheme not in ("http", "https"):
            raise MediaError(f"file {sha256[:12]}: the cloud points to {url}, which is no web address")
        with _translated(), self._http.stream("GET", url, headers=wanted, timeout=_timeout(0)) as second:
            _check_store(second, sha256)
            yield second

    def close(self) -> None:
        self._http.close()

    def _check_media(self, response: httpx.Response, sha256: str) -> None:
        if response.status_code in (404, 410):
            raise MediaError(f"file {sha256[:12]}: the cloud does not have it")
        if response.status_code not in (200, 206, 416) or "text/html" in response.headers.get("content-type", ""):
            judge(_read(response, 0))
            raise MediaError(f"file {sha256[:12]}: the cloud answers {response.status_code}")
        self._heard()

    def _get(
        self, path: str, params: Mapping[str, Any], wait_s: float, headers: Mapping[str, str] | None = None
    ) -> Answer:
        if wait_s > 0:
            params = {**params, "wait": f"{wait_s:.1f}"}
        return self._exchange("GET", path, wait_s, params=params, headers={**self._headers, **(headers or {})})

    def _post(self, path: str, body: BaseModel, model: type[Reply]) -> Reply:
        content, headers = self._json(body)
        return read_answer(self._exchange("POST", path, 0, content=content, headers=headers), model)

    def _json(self, body: BaseModel) -> tuple[bytes, dict[str, str]]:
        content = body.model_dump_json(exclude_defaults=True).encode()
        return content, {**self._headers, "Content-Type": "application/json"}

    def _exchange(
        self, method: str, path: str, wait_s: float, expected: tuple[int, ...] = (), **request: Any
    ) -> Answer:
        """expected: refusals that are an answer to the caller."""
        with _translated():
            try:
                answer = self._once(method, path, wait_s, **request)
            except httpx.RemoteProtocolError:
                # A kept connection that the other side had just closed: every call of ours may be repeated.
                answer = self._once(method, path, wait_s, **request)
        if answer.status not in expected or answer.is_html:
            judge(answer)
        self._heard()
        return answer

    def _once(self, method: str, path: str, wait_s: float, **request: Any) -> Answer:
        with self._http.stream(method, path, timeout=_timeout(wait_s), **request) as response:
            return _read(response, wait_s)


def _timeout(wait_s: float) -> httpx.Timeout:
    return httpx.Timeout(connect=CONNECT_S, read=wait_s + PATIENCE_S, write=PATIENCE_S, pool=CONNECT_S)


def _read(response: httpx.Response, wait_s: float) -> Answer:
    """Read it whole, but neither for ever (a drip of bytes keeps any read timeout away) nor without end."""
    give_up_at = monotonic() + wait_s + 3 * PATIENCE_S
    body = bytearray()
    for block in response.iter_bytes():
        body += block
        if len(body) > MAX_ANSWER_BYTES or monotonic() > give_up_at:
            raise httpx.ReadTimeout("the answer does not end")
    return Answer(response.status_code, response.headers, bytes(body))


def _check_store(response: httpx.Response, sha256: str) -> None:
    """Where the bytes are is not the cloud: what it answers concerns this file alone."""
    if response.status_code in (429, 500, 502, 503, 504):
        wait_s = retry_after(response.headers)
        raise MediaError(f"file {sha256[:12]}: the store answers {response.status_code}, again in {wait_s:.0f} s")
    if response.status_code not in (200, 206, 416) or "text/html" in response.headers.get("content-type", ""):
        raise MediaError(f"file {sha256[:12]}: the store answers {response.status_code}, which is not the file")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except httpx.TimeoutException as error:
        raise LinkDown(f"no answer in time ({type(error).__name__})") from error
    except httpx.HTTPError as error:
        raise LinkDown(f"no connection ({error or type(error).__name__})") from error
    except httpx.InvalidURL as error:
        raise LinkDown(f"the address cannot be used ({error})") from error
    except RuntimeError as error:
        if "closed" not in str(error):
            raise
        raise LinkDown("this client was closed: the process is ending") from error
