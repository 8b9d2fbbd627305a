"""A real cloud process with a small library, what it has stored, and a sick line to it."""

from __future__ import annotations

import select
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

Mood = Literal["well", "html", "500", "nothing", "drip", "refused"]
_HTML = b"<html><title>Welcome to our wifi</title></html>"
_ANSWERS = {
    "html": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (len(_HTML), _HTML),
    "500": b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\noops",
    "drip": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n",
}


@dataclass
class RealCloud:
    """One room in it, and no listeners' taps yet."""

    data: Path
    url: str
    found: dict[str, Any]

    @property
    def token(self) -> str:
        return str(self.found["room"]["token"])

    @property
    def box_env(self) -> dict[str, str]:
        return {"DJANGO_API_URL": self.url, "PLAYER_TOKEN": self.token}

    def ops(self) -> list[str]:
        """Every op it has answered."""
        return op_ids(self.data / "cloud.db")


def op_ids(database: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as conn:
        return [row[0] for row in conn.execute("select op_id from op_seen")]


def doubled_stays(database: Path) -> int:
    """Stays of one person that began in the same millisecond: one tap that counted twice."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as conn:
        sql = "select count(*) - count(distinct user_id || checked_in_at) from sessions"
        return int(conn.execute(sql).fetchone()[0])


@contextmanager
def real_cloud(data: Path) -> Iterator[RealCloud]:
    """Seeded with songs of one second, so that no test waits for the synthesis."""
    from cloud_stub import seed as seeding
    from cloud_stub.settings import CloudSettings
    from ml import synth

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synth, "write_starter_library", lambda folder, **_: short_library(folder))
        found = seeding.seed(CloudSettings.for_directory(data, {}), listeners=2, pepper=bytes(16))
    command = [sys.executable, "-m", "appliance", "cloud", "serve", "--data", str(data), "--port", "0"]
    with (data / "cloud.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
    try:
        assert process.stdout is not None
        yield RealCloud(data, process.stdout.readline().decode().split()[-1], found)
    finally:
        process.kill()
        process.communicate()
    assert b"Traceback" not in (data / "cloud.log").read_bytes()


def short_library(folder: Path) -> list[Any]:
    import soundfile

    from ml.synth import RECIPES, StarterSong

    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number, recipe in enumerate(RECIPES):
        path = folder / f"{recipe.key}.flac"
        soundfile.write(path, np.random.default_rng(number).uniform(-0.2, 0.2, 96_000), 48_000)
        made.append(StarterSong(recipe, path))
    return made


class SickLine:
    """A port on 127.0.0.1 that leads to the cloud, or to what `mood` says instead.

    A change of mood cuts every connection, as a server that is started again does.
    """

    def __init__(self, upstream: str) -> None:
        host, port = upstream.removeprefix("http://").split(":")
        self._upstream = (host, int(port))
        self._mood: Mood = "well"
        self._open: set[socket.socket] = set()
        self._door: socket.socket | None = None
        self._port = 0
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
        self._port = self._door.getsockname()[1]
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
                if self._mood == "well":
                    self._carry(line)
                else:
                    self._annoy(line, self._mood)
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
            if mood in _ANSWERS:
                line.sendall(_ANSWERS[mood])
            while mood == "drip" and self._mood == "drip":
                line.sendall(b" ")
                threading.Event().wait(0.2)
