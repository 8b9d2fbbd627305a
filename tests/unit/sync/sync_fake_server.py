"""The fake cloud behind a real socket, with long polls."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from sync_fake_cloud import FakeCloud


class Server(http.server.ThreadingHTTPServer):
    """Holds a poll that would bring nothing until `changed` is set, or its wait is over."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, fake: FakeCloud) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.fake = fake
        self.changed = threading.Event()
        self.polls = 0

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A killed process closes its sockets in our face."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, format: str, *args: Any) -> None: ...

    def do_GET(self) -> None:
        wait = parse_qs(urlsplit(self.path).query).get("wait")
        answer = self._answer(b"")
        if wait and (answer.status_code == 304 or answer.content.find(b'"changes":[]') > 0):
            self.server.polls += 1
            self.server.changed.wait(float(wait[0]))
            answer = self._answer(b"")
        self._send(answer)

    def do_POST(self) -> None:
        self._send(self._answer(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: bytes) -> httpx.Response:
        url = self.server.url + self.path
        return self.server.fake.answer(httpx.Request(self.command, url, headers=dict(self.headers), content=body))

    def _send(self, answer: httpx.Response) -> None:
        self.send_response(answer.status_code)
        for name in ("etag", "content-type"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)


@contextmanager
def serving(fake: FakeCloud) -> Iterator[Server]:
    with Server(fake) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.changed.set()
        server.shutdown()
