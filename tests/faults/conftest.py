"""A demo as a person starts it: a real process with real children, on a folder of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from appliance.demo.facts import query
from appliance.errors import CosoundError
from appliance.runtime import Runtime
from appliance.tapline import send_tap
from tests.faults.dice import seed
from tests.faults.fault_table import FaultTable
from tests.faults.machine import Machine, boot_s, watched_machine
from tests.faults.real_cloud import doubled_stays, op_ids
from tests.patience import PATIENCE_S

SOUND_WITHIN_S = 120.0  # the first demo of a home also makes the starter library


def pytest_report_header() -> str:
    return f"the faults' dice: FAULTS_SEED={seed()}"


@dataclass
class RunningDemo:
    """`cosound demo` under test: what it printed, its processes, and the box's published state."""

    folder: Path
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    @property
    def recording(self) -> Path:
        return self.folder / "recording.wav"

    @property
    def runtime(self) -> Runtime:
        return Runtime(self.folder / "run")

    def children(self) -> dict[str, int]:
        """Pids of its processes by name."""
        found = {}
        for pid in _pids_of(self.folder):
            words = _command(pid)
            if "appliance" in words:
                found[words[words.index("appliance") + 1]] = pid
        return found

    def tap_and_see(self, card: int, seconds: float = PATIENCE_S) -> str:
        """A tap that is acknowledged: its row can be read. A reader that is away is asked until it is back."""
        sent: list[str] = []

        def arrived() -> bool:
            try:
                sent[:] = sent or [send_tap(self.folder / "run", bytes.fromhex(f"04{card:012x}"))]
            except CosoundError:
                return False
            return bool(self._ops_of(sent))

        self.wait_for(arrived, seconds, "a tap")
        return sent[0]

    def kept(self, taps: list[str], seconds: float = PATIENCE_S) -> list[str]:
        """Those of these taps that the cloud has got, once for each effect; waits until it has all, or for so long."""
        ops = self._ops_of(taps)
        with contextlib.suppress(AssertionError):
            self.wait_for(lambda: ops <= set(op_ids(self._cloud)), seconds, "the facts in the cloud")
        there = op_ids(self._cloud)
        return [tap for tap in taps if self._ops_of([tap]) & set(there)] + ["twice"] * 2 * doubled_stays(self._cloud)

    @property
    def _cloud(self) -> Path:
        return self.folder / "cloud" / "cloud.db"

    def _ops_of(self, taps: list[str]) -> set[str]:
        rows = query(self.folder / "box", "select id, op_id from taps order by seq desc limit 500")
        return {op for tap, op in rows if tap in taps}

    def logs(self) -> str:
        """Everything that any of its processes said, and what the person saw."""
        files = [*(self.folder / "log").glob("*.log")]
        return "\n".join([*(file.read_text(errors="replace") for file in files), *self.lines])

    def wait_for(self, done: Callable[[], bool], seconds: float, what: str) -> float:
        """Seconds it took; fails with the last lines printed."""
        began_s = time.monotonic()
        while not done():
            assert time.monotonic() - began_s < seconds, f"{what} did not come in {seconds} s:\n" + self._tail()
            threading.Event().wait(0.02)
        return time.monotonic() - began_s

    def _tail(self) -> str:
        return "\n".join(self.lines[-10:])


@pytest.fixture(scope="module")
def demo() -> Iterator[RunningDemo]:
    """Sounding, with all five children up."""
    with TemporaryDirectory(prefix="cosound-t-") as folder:
        running = start_demo(Path(folder))
        try:
            running.wait_for(lambda: any("Sound is on" in line for line in running.lines), SOUND_WITHIN_S, "sound")
            yield running
        finally:
            stop_demo(running)
        assert "Traceback" not in running.logs(), running.logs()


def start_demo(folder: Path, *options: str) -> RunningDemo:
    command = [sys.executable, "-m", "appliance", "demo", "--headless", "--dir", str(folder), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    running = RunningDemo(folder, process)
    threading.Thread(target=_read, args=(running,), daemon=True).start()
    return running


def stop_demo(running: RunningDemo) -> None:
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGINT)
        try:
            running.process.wait(10)
        except subprocess.TimeoutExpired:
            running.process.kill()
            running.process.wait()
    if running.process.stdout:
        running.process.stdout.close()


def is_running(pid: int) -> bool:
    """Alive and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except OSError:
        return False


def _read(running: RunningDemo) -> None:
    assert running.process.stdout is not None
    try:
        for line in running.process.stdout:
            running.lines.append(line.rstrip())
    except ValueError:
        return  # closed under us at the end


def _pids_of(folder: Path) -> list[int]:
    """Processes whose environment or command names the folder, but for the demo itself."""
    pids = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            told = _read_bytes(entry / "environ") + _read_bytes(entry / "cmdline")
            if str(folder).encode() in told and b"demo" not in _read_bytes(entry / "cmdline").split(b"\0"):
                pids.append(int(entry.name))
    return pids


def _command(pid: int) -> list[str]:
    return _read_bytes(Path(f"/proc/{pid}/cmdline")).decode(errors="replace").split("\0")


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.fixture(scope="session")
def faults() -> Iterator[FaultTable]:
    """Where every fault test reports; written to build/faults.json at the end."""
    table = FaultTable()
    yield table
    table.write()


@pytest.fixture(scope="session")
def late_wakings() -> Iterator[Path]:
    with watched_machine() as file:
        yield file


@pytest.fixture
def machine(late_wakings: Path) -> Machine:
    """The machine from here on."""
    return Machine(late_wakings, boot_s())
