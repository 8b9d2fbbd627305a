"""`cosound nfc` as it is started on a box, and a hand on that box's store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.model import TapResult
from appliance.runtime import Runtime
from appliance.store import Store, open_store
from tests.patience import PATIENCE_S


class ReaderProcess:
    """`cosound nfc` on a folder, its reader over UDP."""

    def __init__(self, folder: Path, reader: str, **env: str) -> None:
        self.folder = folder
        self.env = {
            **os.environ,
            "COSOUND_CONFIG": str(folder / "none.toml"),
            "COSOUND_DATA_DIR": str(folder / "data"),
            "COSOUND_RUNTIME_DIR": str(folder / "run"),
            "COSOUND_READER": reader,
            "COSOUND_LOG": "DEBUG",
            **env,
        }
        self.store: Store = open_store(folder / "data", folder / "run", "test")
        self.process = subprocess.Popen(self.command("nfc"), env=self.env, stderr=subprocess.PIPE, text=True)

    def ready(self) -> None:
        """Wait until every reader is. The first commit would ring; a state does not, so the file is looked at."""
        for _ in range(int(PATIENCE_S / 0.05)):
            readers = Runtime(self.folder / "run").read("reader").get("readers", [])
            if readers and all(reader["state"] == "ready" for reader in readers):
                return
            assert self.process.poll() is None
            self.store.wait(0.05)
        pytest.fail(f"no reader after {PATIENCE_S} s: {readers}")

    def wait_for_taps(self, count: int) -> None:
        for _ in range(int(PATIENCE_S)):
            if self.store.people.newest_tap_seq() >= count:
                break
            self.store.wait(1.0)

    def next_tap(self) -> TapResult:
        self.wait_for_taps(self.store.people.newest_tap_seq() + 1)
        last = self.store.people.last_tap()
        assert last is not None
        return last[0]

    def tap(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [*self.command("tap"), *words]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, check=False, timeout=PATIENCE_S)

    def end(self) -> str:
        """Ask it to stop; what it wrote to its log."""
        self.process.send_signal(signal.SIGTERM)
        _, log = self.process.communicate(timeout=PATIENCE_S)
        self.store.close()
        return log

    @staticmethod
    def command(name: str) -> list[str]:
        return [sys.executable, "-c", f"from checkin.cli import {name}; {name}()"]
