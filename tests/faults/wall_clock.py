"""A time of day that can be set for the processes of one box: ten years back, and the machine's own stays."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path
from shutil import which

import pytest

SOURCE = Path(__file__).with_suffix(".c")


class WallClock:
    """`env` is for the processes. What waits in them is left alone, so that they sleep and wake as ever."""

    def __init__(self, folder: Path) -> None:
        """Skips where there is no C compiler."""
        compiler = which("cc") or pytest.skip("needs a C compiler: apt-get install -y gcc")
        library = folder / "wall_clock.so"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE], check=True)
        self._file = folder / "wall_clock"
        self.set(0)
        self.env = {"LD_PRELOAD": str(library), "WALL_CLOCK_FILE": str(self._file)}

    def set(self, off_s: int) -> None:
        """How far it is ahead of the machine's, from now on."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("l", off_s))
