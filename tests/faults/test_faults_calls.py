"""A call into the kernel fails at any place: what was acknowledged is there, what was not is said, and taps go on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from appliance.store import open_store
from tests.faults.dice import dice
from tests.faults.fault_table import TIMES, FaultTable
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

TAPS = 12
AT_ONCE = 2
PLACES = 2 if TIMES == 1 else 60  # of each kind
ENOUGH = 10  # a call that fails after the last tap is felt by nobody
SYNCS, WRITES = "fdatasync,fsync", "pwrite64"
MANY = {SYNCS: 26, WRITES: 600}  # so many of them there are, opening a new database and closing it included
FAILURES = (
    (SYNCS, "EIO", "", "the n-th sync of the disk fails"),
    (SYNCS, "EIO", "+", "all syncs from the n-th on fail"),
    (WRITES, "ENOSPC", "", "no room for the n-th write"),
    (WRITES, "EIO", "", "the n-th write fails"),
)


def tapping(folder: Path, times: int, *before: str) -> tuple[list[str], str]:
    """(taps that were acknowledged, what it said otherwise) of a process that taps, run by `before`."""
    command = [sys.executable, "-m", "tests.faults.tapping", str(folder / "data"), str(folder / "run")]
    done = subprocess.run(
        [*before, *command, "--times", str(times)], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout.split(), done.stderr


def one_failure(calls: str, error: str, place: str) -> tuple[list[str], list[str], int]:
    """The `place`-th of these calls fails: (acknowledged, found afterwards, how many were refused)."""
    traced = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", f"trace={calls}"]
    with TemporaryDirectory(prefix="cosound-s-") as name:
        folder = Path(name)
        first, said = tapping(folder, TAPS, *traced, "-e", f"inject={calls}:error={error}:when={place}")
        refused = int(said.split()[0]) if said.endswith("refused\n") else TAPS
        assert len(first) + refused == TAPS, f"each tap is acknowledged or refused: {said}"
        after, _ = tapping(folder, 2)
        with closing(open_store(folder / "data", folder / "run", "after")) as store:
            assert store.db.value("pragma integrity_check") == "ok"
            assert not list((folder / "data").glob("*.broken*"))
            found = [row[0] for row in store.db.rows("select t.id from taps t join outbox o on o.op_id = t.op_id")]
        assert len(after) == 2
        return [*first, *after], found, refused


@pytest.mark.timeout(120 + 10 * PLACES)
@pytest.mark.parametrize(("calls", "error", "until", "fault"), FAILURES, ids=[failure[3] for failure in FAILURES])
def test_a_call_that_fails_costs_no_tap_that_was_acknowledged(
    calls: str, error: str, until: str, fault: str, faults: FaultTable
) -> None:
    if shutil.which("strace") is None:
        pytest.skip("needs strace: apt-get install -y strace")
    places = dice(fault).choices(range(1, MANY[calls]), k=PLACES)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        tried = list(pool.map(lambda place: one_failure(calls, error, f"{place}{until}"), places))
    for acknowledged, found, _ in tried:
        faults.note(fault, acknowledged=acknowledged, found=found)
    assert len(tried) < ENOUGH or any(refused for _, _, refused in tried), "the failures were felt"
