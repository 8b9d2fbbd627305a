"""HTTP as the box speaks it, whoever answers: strict deadlines, one repeat on a stale connection, typed errors."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.request import getproxies

import httpx

from sync.answers import Answer, retry_after
from sync.errors import LinkDown, MediaError
from sync.lines import Lines

CONNECT_S = 5.0
PATIENCE_S = 10.0
LEAST_BYTES_S = 100.0
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


def open_http(base_url: str) -> httpx.Client:
    """The box's HTTP client: shared by its threads, follows no redirect, keeps connections for a minute."""
    # A transport of our own would bypass the proxies that a venue's environment may name.
    transport = None if getproxies() else Lines(_limits(), _SOCKET_OPTIONS)
    http = httpx.Client(base_url=base_url, limits=_limits(), transport=transport, follow_redirects=False)
    for name in ("accept", "accept-encoding", "connection", "user-agent"):  # HTTP/1.1's own defaults, every time
        del http.headers[name]
    return http


def _limits() -> httpx.Limits:
    return httpx.Limits(max_connections=12, max_keepalive_connections=8, keepalive_expiry=KEEPALIVE_S)


@dataclass(frozen=True, slots=True)
class Ears:
    """Who is told of what passes between us and the cloud: `heard` after each answer that came from the cloud itself,
    `asking` before each question; it may raise what the question shall fail with."""

    heard: Callable[[], None] = lambda: None
    asking: Callable[[], None] = lambda: None


class Exchanges:
    """Requests and whole answers, each judged. Every one raises as `judge` does, or LinkDown."""

    def __init__(self, http: httpx.Client, judge: Callable[[Answer], None], ears: Ears | None) -> None:
        self._http = http
        self._judge = judge
        self.ears = ears or Ears()

    def ask(
        self, method: str, path: str, *, wait_s: float = 0.0, expected: tuple[int, ...] = (), **request: Any
    ) -> Answer:
        """wait_s: how long the answer may be held back. expected: refusals that are an answer to the caller."""
        self.ears.asking()
        with translated():
            try:
                answer = self._once(method, path, wait_s, **request)
            except httpx.RemoteProtocolError:
                # A kept connection that the other side had just closed: every call of ours may be repeated.
                answer = self._once(method, path, wait_s, **request)
        if answer.status not in expected or answer.is_html:
            self._judge(answer)
        self.ears.heard()
        return answer

    @contextmanager
    def stream(self, url: httpx.URL | str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """The answer to a GET, its body unread."""
        with translated(), self._http.stream("GET", url, headers=headers, timeout=_timeout(0)) as response:
            yield response

    def address(self, path: str) -> httpx.URL:
        """`path`, or an address that is whole already, as it will be asked."""
        return self._http.base_url.join(path)

    def close(self) -> None:
        self._http.close()

    def _once(self, method: str, path: str, wait_s: float, **request: Any) -> Answer:
        with self._http.stream(method, path, timeout=_timeout(wait_s), **request) as response:
            return read_whole(response, wait_s)


def read_whole(response: httpx.Response, wait_s: float = 0.0) -> Answer:
    """Read it whole, but neither for ever (a drip of bytes keeps any read timeout away) nor without end."""
    began_s = monotonic() + wait_s
    body = bytearray()
    for block in response.iter_bytes():
        body += block
        for_s = monotonic() - began_s
        drips = for_s > PATIENCE_S and len(body) < LEAST_BYTES_S * for_s
        if drips or for_s > 3 * PATIENCE_S or len(body) > MAX_ANSWER_BYTES:
            raise httpx.ReadTimeout("the answer does not end")
    return Answer(response.status_code, response.headers, bytes(body))


def check_store(response: httpx.Response, sha256: str) -> None:
    """Where the bytes are is not the cloud: what it answers concerns this file alone. Raises MediaError."""
    if response.status_code in (429, 500, 502, 503, 504):
        wait_s = retry_after(response.headers)
        what = f"file {sha256[:12]}: the store answers {response.status_code}"
        raise MediaError(f"{what}, not before {wait_s:.0f} s" if wait_s else what, retry_after_s=wait_s)
    if response.status_code not in (200, 206, 416) or "text/html" in response.headers.get("content-type", ""):
        raise MediaError(f"file {sha256[:12]}: the store answers {response.status_code}, which is not the file")


def check_address(url: httpx.URL, sha256: str) -> None:
    if url.scheme not in ("http", "https"):
        raise MediaError(f"file {sha256[:12]}: the cloud points to {url}, which is no web address")


def _timeout(wait_s: float) -> httpx.Timeout:
    return httpx.Timeout(connect=CONNECT_S, read=wait_s + PATIENCE_S, write=PATIENCE_S, pool=CONNECT_S)


@contextmanager
def translated() -> Iterator[None]:
    """httpx's own errors as ours."""
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
