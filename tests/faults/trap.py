"""A stranger that the box is sent on to: a real server that keeps all it is told, and answers as a portal would."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Trap:
    """`heard`: each request as it came, head and body."""

    url: str
    kind: str = "text/html"
    body: bytes = b"<html><title>Please log in</title></html>"
    heard: list[bytes] = field(default_factory=list)


@contextmanager
def open_trap() -> Iterator[Trap]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            trap.heard.append(self.raw_requestline + bytes(self.headers) + self.rfile.read(size))
            self.send_response(200)
            self.send_header("Content-Type", trap.kind)
            self.send_header("Content-Length", str(len(trap.body)))
            self.end_headers()
            self.wfile.write(trap.body)

        do_GET = do_POST = do_PUT = do_HEAD = answer

        def log_message(self, *_: object) -> None:
            """What came is in `heard`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    trap = Trap(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield trap
    finally:
        server.shutdown()
        server.server_close()
