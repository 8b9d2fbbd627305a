"""Work on a file that may kill whoever opens it, in a process of its own: it tells how far it is, then its result.

The child is nice, keeps to one core, is the first to go where memory ends, dies with us, and says everything as lines
of JSON.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import IO, Any, Literal

from appliance.process import die_with_parent

NICENESS = 10
QUIET_S = 300.0
LOOK_S = 0.2
LEAST_STEP = 0.005
LONGEST_REASON = 200
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

Stopping = Callable[[], bool]
Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Ended:
    """`said` is the child's result, when there is one; else `why` it has none."""

    word: Literal["said", "failed", "stopped"]
    said: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""


def ask_child(
    module: str, *args: str, stopping: Stopping = lambda: False, progress: Progress = lambda share: None
) -> Ended:
    """Run `python -m module args` to its end, until `stopping` says so, or until it was silent for too long.

    progress: called with the share done, 0 … 1.
    """
    command = [sys.executable, "-P", "-m", module, *args]
    with tempfile.TemporaryFile() as noise:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=noise,
            env={**os.environ, **_ONE_THREAD}, cwd="/",
        )  # fmt: skip
        assert child.stdout is not None
        try:
            heard = _Heard(child.stdout, progress)
            how = heard.to_the_end(stopping)
        finally:
            if child.poll() is None and not heard.ended:
                child.kill()
            child.wait()
            child.stdout.close()
        return _ended(how, heard.said, child.returncode, noise)


def begin_child() -> bool:
    """What a child does first; False when its parent ended before it could ask to die with it."""
    parent = os.getppid()
    die_with_parent()
    with suppress(PermissionError):  # the sync unit's sandbox lets nobody change that, and is nice itself
        os.nice(NICENESS)
    with suppress(OSError):  # a file that takes all the memory costs its decoder, and not us
        Path("/proc/self/oom_score_adj").write_text("1000")
    return os.getppid() == parent


def tell(said: Mapping[str, Any]) -> None:
    """One line to the parent."""
    print(json.dumps(said), flush=True)  # noqa: T201 - the parent reads it


def progress_teller() -> Progress:
    """Tells how far it is, in steps worth telling."""
    told = [-1.0]

    def told_if_worth_it(share: float) -> None:
        if share - told[0] >= LEAST_STEP:
            told[0] = share
            tell({"progress": round(share, 4)})

    return told_if_worth_it


class _Heard:
    """The parent's ear."""

    def __init__(self, pipe: IO[bytes], progress: Progress) -> None:
        self._pipe = pipe
        self._progress = progress
        self._rest = b""
        self.said: dict[str, Any] = {}
        self.ended = False

    def to_the_end(self, stopping: Stopping) -> Literal["ended", "stopped", "late"]:
        heard_s = monotonic()
        while not self.ended:
            if select.select([self._pipe], [], [], LOOK_S)[0]:
                self._take(os.read(self._pipe.fileno(), 65536))
                heard_s = monotonic()
            if stopping():
                return "stopped"
            if monotonic() - heard_s > QUIET_S:
                return "late"
        return "ended"

    def _take(self, data: bytes) -> None:
        self.ended = not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._understand(line)

    def _understand(self, line: bytes) -> None:
        try:
            said = json.loads(line)
        except ValueError:
            return  # a library's chatter
        if isinstance(said, dict) and "progress" in said:
            self._progress(float(said["progress"]))
        elif isinstance(said, dict):
            self.said = said


def _ended(how: str, said: dict[str, Any], code: int, noise: IO[bytes]) -> Ended:
    if how == "stopped":
        return Ended("stopped")
    if how == "late":
        return Ended("failed", why=f"no sign of life for {QUIET_S:.0f} s")
    if said:
        return Ended("said", said)
    noise.seek(0)
    lines = noise.read().decode(errors="replace").strip().splitlines()
    ended_by = f"signal {-code}" if code < 0 else f"code {code}"
    return Ended("failed", why=f"the decoder ended by {ended_by}: {lines[-1] if lines else ''}"[:LONGEST_REASON])
