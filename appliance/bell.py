"""The bell: one datagram socket a process, rung by everybody who commits.

A ring says only 'look again'. It may be lost: `Database.wait` looks once a second anyway.
"""

from __future__ import annotations

import contextlib
import select
import socket
from pathlib import Path

from appliance.errors import SetupError

MAX_SOCKET_PATH = 107


class Bell:
    """This process's own bell, and its hand on all the others.

    name: the process ("player"), unique among those running; its socket is `folder/name`.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._path = folder / name
        if len(str(self._path).encode()) > MAX_SOCKET_PATH:
            raise SetupError(f"runtime directory {folder} is too long a path for a socket: choose a shorter one")
        self._ear = _socket()
        self._hand = _socket()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)
            self._ear.bind(str(self._path))
        except OSError as error:
            self._ear.close()
            self._hand.close()
            raise SetupError(f"no bell in {folder}: {error.strerror}; choose another box.runtime_dir") from error

    def ring(self) -> None:
        """Ring every other bell in the folder. Never blocks, never fails: a full bell is already rung."""
        try:
            others = [path for path in self._folder.iterdir() if path != self._path]
        except OSError:
            return
        for path in others:
            with contextlib.suppress(OSError):
                self._hand.sendto(b"!", str(path))

    def heard(self, timeout_s: float) -> bool:
        """Wait until rung, at most `timeout_s`; drain what has piled up."""
        ready, _, _ = select.select([self._ear], [], [], max(timeout_s, 0))
        if ready:
            self._drain()
        return bool(ready)

    def close(self) -> None:
        self._ear.close()
        self._hand.close()
        self._path.unlink(missing_ok=True)

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._ear.recv(16)


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made
