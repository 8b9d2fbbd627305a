"""A port on 127.0.0.1 that leads to the cloud, or does to what passes what bad networks and ill clouds do."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from random import Random
from typing import Literal, get_args

from appliance.demo.ports import free_port

# What answers in the cloud's place …
Stranger = Literal[
    "html", "403", "404", "500", "503", "patience", "redirect", "nothing", "drip", "head drips", "refused"
]
# … what happens to each answer on its way, or to each that carries a file …
Cutting = Literal["cut", "truncate"]
Flipping = Literal["flip"]
# … and what costs nothing but time: of each push the first request, or its reply, goes astray.
Straying = Literal["delay", "duplicate", "reorder", "drop"]
Mood = Literal["well"] | Stranger | Cutting | Flipping | Straying

DELAY_S = 0.7
PATIENCE_S = 6
DRIPS: dict[str, tuple[bytes, float]] = {"drip": (b" ", 0.2), "head drips": (b"x", 3.0)}  # one byte, every so many s
_HTML = b"<html><title>Welcome to our wifi</title></html>"


def _canned(status: str, kind: str, body: bytes, *more: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *more])
    return head.encode() + b"\r\n\r\n" + body


_ANSWERS: dict[str, bytes] = {
    "html": _canned("200 OK", "text/html", _HTML),
    "403": _canned("403 Forbidden", "application/json", b"{}"),
    "404": _canned("404 Not Found", "text/plain", b"no such page"),
    "500": _canned("500 Internal Server Error", "text/plain", b"oops"),
    "503": _canned("503 Service Unavailable", "text/plain", b"later"),
    "patience": _canned("503 Service Unavailable", "text/plain", b"later", f"Retry-After: {PATIENCE_S}"),
    "drip": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n",
    "head drips": b"HTTP/1.1 200 OK\r\nX-Slow: ",
}


class SickLine:
    """A change of mood cuts every connection, as a server that is started again does."""

    def __init__(self, upstream: str, rolled: Random | None = None) -> None:
        """rolled: where the bits that it flips are."""
        host, port = upstream.removeprefix("http://").split(":")
        self._upstream = (host, int(port))
        self._mood: Mood = "well"
        self._rolled = rolled or Random(0)
        self.flipped = 0
        self.put_off_s: list[float] = []  # when it asked for patience
        self.moved = ("302 Found", "http://127.0.0.1:9/login")  # what its redirect says
        self._open: set[socket.socket] = set()
        self._door: socket.socket | None = None
        self._port = free_port()
        self._pushes: set[bytes] = set()  # those that went astray once
        self._stray: bytes | None = None
        self._listen()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def become(self, mood: Mood) -> None:
        self._mood = mood
        if mood == "refused":
            self._shut()
        elif self._door is None:
            self._listen()
        for line in list(self._open):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._shut()
        self.become("refused")

    def _listen(self) -> None:
        self._door = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._accept, args=(self._door,), daemon=True).start()

    def _shut(self) -> None:
        if self._door is not None:
            with suppress(OSError):
                self._door.shutdown(socket.SHUT_RDWR)
            self._door.close()
        self._door = None

    def _accept(self, door: socket.socket) -> None:
        with suppress(OSError):
            while True:
                line, _ = door.accept()
                threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        self._open.add(line)
        try:
            with line, suppress(OSError):
                mood = self._mood
                if mood == "well":
                    self._carry(line)
                elif mood in get_args(Stranger):
                    self._annoy(line, mood)
                elif request := _read_request(line):
                    self._mishandle(line, request, mood)
        finally:
            self._open.discard(line)

    def _carry(self, line: socket.socket) -> None:
        with socket.create_connection(self._upstream) as far:
            while True:
                ready, _, _ = select.select([line, far], [], [])
                for one, other in ((line, far), (far, line)):
                    if one in ready:
                        data = one.recv(65536)
                        if not data:
                            return
                        other.sendall(data)

    def _annoy(self, line: socket.socket, mood: Mood) -> None:
        while line.recv(65536):
            if mood == "redirect":
                line.sendall(_canned(self.moved[0], "text/plain", b"", f"Location: {self.moved[1]}"))
            if mood == "patience":
                self.put_off_s.append(time.monotonic())
            if mood in _ANSWERS:
                line.sendall(_ANSWERS[mood])
            while mood in DRIPS and self._mood == mood:
                byte, every_s = DRIPS[mood]
                line.sendall(byte)
                threading.Event().wait(every_s)

    def _mishandle(self, line: socket.socket, request: bytes, mood: Mood) -> None:
        """One request on this line; its reply ends it."""
        how: dict[str, Callable[[bytes], bytes]] = {
            "cut": self._ask, "truncate": self._ask, "delay": self._delay, "duplicate": self._twice,
            "reorder": self._in_wrong_order, "drop": self._first_reply_lost, "flip": self._one_bit_wrong,
        }  # fmt: skip
        reply = how[mood](request)
        if mood == "cut":
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.sendall(reply[: len(reply) // 2] if mood in ("cut", "truncate") else reply)

    def _ask(self, request: bytes) -> bytes:
        """The cloud's whole reply to it."""
        with socket.create_connection(self._upstream) as far:
            self._open.add(far)
            try:
                far.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
                return b"".join(iter(lambda: far.recv(65536), b""))
            finally:
                self._open.discard(far)

    def _delay(self, request: bytes) -> bytes:
        threading.Event().wait(DELAY_S)
        return self._ask(request)

    def _twice(self, request: bytes) -> bytes:
        if _is_push(request):
            self._ask(request)
        return self._ask(request)

    def _in_wrong_order(self, request: bytes) -> bytes:
        """A push is lost, it seems, and arrives when the one after it has."""
        if not _is_push(request):
            return self._ask(request)
        if self._stray is None:
            self._stray = request
            return b""
        reply, stray, self._stray = self._ask(request), self._stray, None
        self._ask(stray)
        return reply

    def _one_bit_wrong(self, request: bytes) -> bytes:
        """Somewhere in the file that is sent; nothing else of the answer tells."""
        head, end, body = self._ask(request).partition(b"\r\n\r\n")
        if not (request.startswith(b"GET /api/media/") and body):
            return head + end + body
        wrong = bytearray(body)
        wrong[self._rolled.randrange(len(wrong))] ^= 1 << self._rolled.randrange(8)
        self.flipped += 1
        return head + end + bytes(wrong)

    def _first_reply_lost(self, request: bytes) -> bytes:
        reply = self._ask(request)
        name = sha256(request.split(b'"ops"')[-1]).digest()
        if _is_push(request) and name not in self._pushes:
            self._pushes.add(name)
            return b""
        return reply


def _is_push(request: bytes) -> bool:
    """Through either door."""
    return request.startswith((b"POST /api/sync/v1/push", b"POST /rest/v1/rpc/sync_push")) and b'"ops"' in request


def _read_request(line: socket.socket) -> bytes:
    """Head and body of one request; what came of it when the other side went away."""
    data = b""
    while b"\r\n\r\n" not in data:
        block = line.recv(65536)
        if not block:
            return b""
        data += block
    head, _, body = data.partition(b"\r\n\r\n")
    sizes = [part.split(b":")[1] for part in head.lower().split(b"\r\n") if part.startswith(b"content-length:")]
    left = int(sizes[0]) - len(body) if sizes else 0
    while left > 0:
        block = line.recv(min(left, 65536))
        if not block:
            return b""
        data += block
        left -= len(block)
    return data
