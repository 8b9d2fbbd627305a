"""A PostgreSQL of a test's own that can be killed, and started again on what it had written."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from cloud_stub.embedded_postgres import EmbeddedPostgres, _end_with_parent
from cloud_stub.engines.address import Address
from cloud_stub.errors import SetupError


@dataclass
class MortalPostgres:
    running: EmbeddedPostgres

    def new_database(self, name: str) -> Address:
        """One that keeps its word: what it committed is there after it was killed."""
        with psycopg.connect(self.running.url(), autocommit=True) as conn:
            conn.execute(f"create database {name}".encode())
            conn.execute(f"alter database {name} set synchronous_commit = on".encode())
        return self.running.address(name)

    def kill(self) -> None:
        """As when the machine under it goes: no goodbye to anybody."""
        process = self.running._process
        assert process is not None
        process.kill()
        process.wait()

    def start_again(self) -> None:
        process = self.running._process
        assert process is not None
        data = Path(str(process.args[2]))  # type: ignore[index]  # a list, as it was started
        deadline_s = time.monotonic() + 10
        while True:  # its children hold its memory until they notice that it is dead
            (data / "postmaster.pid").unlink(missing_ok=True)
            self.running._process = subprocess.Popen(
                process.args, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - only prctl and setsid; no lock is needed
                **self.running._user,
            )  # fmt: skip
            try:
                self.running._await_ready(data / "postmaster.pid")
            except SetupError:
                assert time.monotonic() < deadline_s
            else:
                return


@contextmanager
def mortal_postgres() -> Iterator[MortalPostgres]:
    """Skips with its reason where there is none."""
    try:
        running = EmbeddedPostgres().__enter__()
    except SetupError as error:
        pytest.skip(f"no PostgreSQL here: {error}")
    try:
        yield MortalPostgres(running)
    finally:
        running.__exit__(None, None, None)
