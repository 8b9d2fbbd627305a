"""The real cloud on a real socket in a thread of ours, with a library of any size, and hands on what it holds."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, uuid5

import uvicorn

from cloud_stub.app import create_app
from cloud_stub.database import Database, Tx
from cloud_stub.migrate import migrate
from cloud_stub.moments import to_text
from cloud_stub.repositories import players, queue
from cloud_stub.serve import KEEP_ALIVE_S, bind
from cloud_stub.services import Services
from cloud_stub.settings import CloudSettings
from cloud_stub.tokens import new_token

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Room:
    """A room of that cloud, and the songs of its library."""

    player_id: str
    token: str
    songs: tuple[str, ...]


class Cloud:
    """A running server. What is done by `write` wakes its long polls as a request would."""

    def __init__(self, settings: CloudSettings, port: int = 0) -> None:
        self._app = create_app(settings)
        self.services: Services = self._app.state.services
        self.services.prepare()
        self._sock = bind("127.0.0.1", port)
        self.port = int(self._sock.getsockname()[1])
        config = uvicorn.Config(
            self._app, log_level="warning", access_log=False, timeout_keep_alive=KEEP_ALIVE_S, server_header=False
        )
        self._server = uvicorn.Server(config)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def write(self, change: Callable[..., Result], *args: object) -> Result:
        return self._call(self.services.database.write(change, *args))

    def reorder_queue(self, room: Room, order: list[str]) -> float:
        """Give the room this queue; the monotonic second at which that began."""
        began_s = time.monotonic()
        self.write(queue.replace, room.player_id, order, time.time())
        return began_s

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self.services.waiters.close)
        self._server.should_exit = True
        self._thread.join(10)
        self._sock.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._server.serve(sockets=[self._sock]))

    def _call(self, job: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(job, self._loop).result(60)


@contextmanager
def cloud_with_library(folder: Path, songs: int) -> Iterator[tuple[Cloud, Room]]:
    settings = CloudSettings.for_directory(folder, {"SECRET_KEY": "only for measuring"})
    room = _fill(settings, songs)
    cloud = Cloud(settings)
    try:
        yield cloud, room
    finally:
        cloud.stop()


def touch_songs(tx: Tx, room: Room, count: int, artist: str) -> None:
    """So many changes of the room's bucket, as staff would make by editing songs."""
    from cloud_stub.repositories import bucket

    for song_id in room.songs[:count]:
        tx.run("update songs set artist = ? where id = ?", artist, song_id)
        bucket.touch_everywhere(tx, "songs", song_id, time.time())


def _fill(settings: CloudSettings, count: int) -> Room:
    database = Database(settings.database)
    database.open()
    now_s, token = time.time(), new_token()
    migrate(database, to_text(now_s))
    ids = tuple(str(uuid5(NAMESPACE_URL, f"song {number}")) for number in range(count))
    with database.writing() as tx:
        tx.many(
            "insert into songs (id, title, artist, file_url, type, embedding, embedding_source, confidence, duration, "
            "sha256, byte_size, loudness_lufs, true_peak_dbtp, created_at, updated_at) "
            "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [_song(number, song_id, to_text(now_s)) for number, song_id in enumerate(ids)],
        )
        player_id = players.create(tx, "Bench", token, now_s)
    database.close()
    return Room(player_id, token.text, ids)


def _song(number: int, song_id: str, now: str) -> tuple[object, ...]:
    embedding = json.dumps([(number * (tag + 3) % 97) / 97 for tag in range(5)])
    kind = "instrumental" if number % 5 == 0 else "soundscape"
    digest = sha256(song_id.encode()).hexdigest()
    return (song_id, f"Song number {number}", "Somebody", f"/media/{digest}.flac", kind, embedding, "hand", 1.0, 180.0,
            digest, 5_000_000, -20.0, -1.0, now, now)  # fmt: skip


class Line:
    """The cable between box and cloud: counts what passes, and can be cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: set[socket.socket] = set()
        self.bytes = 0
        self.cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def pull_out(self) -> None:
        self.cut = True
        for end in list(self._open):
            _hang_up(end)

    def close(self) -> None:
        self._listener.close()
        self.pull_out()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                if self.cut:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                return
            self._open |= {near, far}
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while block := source.recv(65_536):
                self.bytes += len(block)
                target.sendall(block)
        except OSError:
            pass
        for end in (source, target):
            _hang_up(end)
            self._open.discard(end)


def _hang_up(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
