"""The box's own processes under measure."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.box import Box


@contextmanager
def running(box: Box, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """`cosound <command>`, or `-m` and a module, on this box; ended, gently if it can be, when the block is left."""
    program = sys.executable if command[0] == "-m" else str(Path(sys.executable).parent / "cosound")
    process = subprocess.Popen([program, *command], env=box.env, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        process.wait()


def until(done: Callable[[], bool], within_s: float = 15.0) -> None:
    """Wait for it to come true. Raises TimeoutError when it does not in time."""
    deadline_s = time.monotonic() + within_s
    while not done():
        if time.monotonic() > deadline_s:
            raise TimeoutError("the process under measure did not come up")
        time.sleep(0.002)


def p95(values: Sequence[float]) -> float | None:
    """The value that 95 % do not exceed; None of none."""
    return sorted(values)[max(round(len(values) * 0.95) - 1, 0)] if values else None


def cpu_s(pid: int) -> float:
    """What its threads have run, in the scheduler's own nanoseconds: `stat` counts in hundredths of a second."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9
