"""Connections on which the head of an answer has one deadline: a read timeout alone begins anew with each byte that
drips. The body's pace is its reader's own affair."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ssl import SSLContext
from time import monotonic
from typing import Any

import httpcore
import httpx

SocketOptions = tuple[tuple[int, int, int], ...]


class Lines(httpx.HTTPTransport):
    """httpx's own transport: of a request, the whole head of its answer comes within its read timeout."""

    def __init__(self, limits: httpx.Limits, socket_options: SocketOptions) -> None:
        trusted = httpx.create_ssl_context()
        super().__init__(verify=trusted)
        self._pool = httpcore.ConnectionPool(
            trusted,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            socket_options=socket_options,
            network_backend=_Backend(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        line = response.extensions["network_stream"]
        assert isinstance(line, Line)
        line.head_is_here()
        return response


class Line(httpcore.NetworkStream):
    """A connection; its clock starts when a request has been written."""

    def __init__(self, raw: httpcore.NetworkStream, now: Callable[[], float] = monotonic) -> None:
        self._raw = raw
        self._now = now
        self._asked_s: float | None = None  # None: nothing is asked, or the head of its answer is here

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if timeout is not None and self._asked_s is not None:
            timeout -= self._now() - self._asked_s
            if timeout <= 0:
                raise httpcore.ReadTimeout("the head of the answer does not end")
        return self._raw.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._raw.write(buffer, timeout)
        self._asked_s = self._now()

    def head_is_here(self) -> None:
        self._asked_s = None

    def close(self) -> None:
        self._raw.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return Line(self._raw.start_tls(ssl_context, server_hostname, timeout), self._now)

    def get_extra_info(self, info: str) -> Any:
        return self._raw.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        return Line(super().connect_tcp(host, port, timeout, local_address, socket_options))
