"""How long this machine lets a process wait that asks for nothing but to be woken: the control for every gap.

A virtual machine that stands still for a tenth of a second makes a gap in any sound; a test of ours may fail only for
what the machine does not explain. Run as a program it writes each late waking, `boot_s late_s`, to standard output.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

BLOCK_S = 1024 / 48_000
WORTH_NOTING_S = 0.005
NO_GAP_S = 0.05


@dataclass(frozen=True, slots=True)
class Machine:
    """What the control process wrote since `since_boot_s`."""

    wakings: Path
    since_boot_s: float

    def longest_stall_s(self) -> float:
        """The latest waking, in seconds after its time; 0 when all were on time."""
        lines = (line.split() for line in self.wakings.read_text().splitlines())
        return max((float(late) for at, late in lines if float(at) >= self.since_boot_s), default=0.0)

    @property
    def bearable_gap_s(self) -> float:
        """No gap, but for what the machine itself held up; the sound may have waited at another moment."""
        return NO_GAP_S + 2 * self.longest_stall_s()


@contextmanager
def watched_machine() -> Iterator[Path]:
    """The file of late wakings, written while the block runs."""
    with TemporaryDirectory(prefix="cosound-m-") as folder:
        file = Path(folder) / "wakings"
        with file.open("w") as out:
            control = subprocess.Popen([sys.executable, __file__], stdout=out)
            try:
                yield file
            finally:
                control.kill()
                control.wait()


def boot_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def wake_as_the_player_does() -> None:
    """For ever: sleep a block, say when it was late. As favoured by the scheduler as the player is."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -11)
    while True:
        began_s = boot_s()
        time.sleep(BLOCK_S)
        late_s = boot_s() - began_s - BLOCK_S
        if late_s > WORTH_NOTING_S:
            print(f"{began_s:.3f} {late_s:.4f}", flush=True)  # noqa: T201 - what it is for


if __name__ == "__main__":
    wake_as_the_player_does()
