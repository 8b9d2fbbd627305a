from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import httpcore
import httpx
import pytest

from sync.http import open_http
from sync.lines import Line


class SlowLine(httpcore.NetworkStream):
    """Each read takes a while and brings one byte, unless it may not take so long."""

    def __init__(self, each_s: float) -> None:
        self.each_s = each_s
        self.now_s = 100.0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if timeout is not None and timeout < self.each_s:
            self.now_s += timeout
            raise httpcore.ReadTimeout
        self.now_s += self.each_s
        return b"x"

    def write(self, buffer: bytes, timeout: float | None = None) -> None: ...


def test_a_head_that_drips_has_no_more_than_the_read_timeout() -> None:
    raw = SlowLine(each_s=3.0)
    line = Line(raw, now=lambda: raw.now_s)
    line.write(b"GET / HTTP/1.1\r\n\r\n", 10.0)
    with pytest.raises(httpcore.ReadTimeout):
        for _ in range(100):
            line.read(4096, 10.0)
    assert raw.now_s == 110.0


def test_a_head_that_came_is_not_on_the_clock_any_more_and_the_next_one_is() -> None:
    raw = SlowLine(each_s=3.0)
    line = Line(raw, now=lambda: raw.now_s)
    line.write(b"GET / HTTP/1.1\r\n\r\n", 10.0)
    line.read(4096, 10.0)
    line.head_is_here()
    assert b"".join(line.read(4096, 10.0) for _ in range(100)) == b"x" * 100
    raw.now_s += 1000.0  # kept for later
    line.write(b"GET / HTTP/1.1\r\n\r\n", 10.0)
    assert [line.read(4096, 10.0) for _ in range(3)] == [b"x"] * 3
    with pytest.raises(httpcore.ReadTimeout):
        line.read(4096, 10.0)


@pytest.fixture
def dripping() -> Iterator[str]:
    """Answers two requests on one connection, then with a head that does not end."""

    def answer(door: socket.socket, ended: threading.Event) -> None:
        with door, door.accept()[0] as line:
            for _ in range(2):
                line.recv(65536)
                line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            line.recv(65536)
            line.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not ended.wait(0.01):
                line.sendall(b"x")

    ended = threading.Event()
    door = socket.create_server(("127.0.0.1", 0))
    serving = threading.Thread(target=answer, args=(door, ended))
    serving.start()
    yield f"http://127.0.0.1:{door.getsockname()[1]}"
    ended.set()
    serving.join()


def test_our_client_lays_such_lines(dripping: str) -> None:
    with open_http(dripping) as http:
        assert [http.get("/").text for _ in range(2)] == ["ok", "ok"]
        with pytest.raises(httpx.ReadTimeout):
            http.get("/", timeout=httpx.Timeout(5.0, read=0.3))
