"""A file system of its own whose device counts every block that is written."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DISK_MB = 600
TOOLS = ("losetup", "mkfs.ext4", "mount", "umount")


@dataclass(frozen=True, slots=True)
class Disk:
    """Where the box is, and how many bytes have been written there (by these processes) so far."""

    folder: Path
    written: Callable[[Sequence[int]], int]
    how: str

    def commit_journal(self, beside: Path) -> None:
        """Let this file system write its journal, if anything in that folder has changed since the last time; nobody's
        pages. A file of ours whose times we change shares the block its neighbours' are in."""
        mark = beside / ".journal"
        times = {file.name: file.stat().st_mtime_ns for file in beside.iterdir() if file != mark}
        if mark.exists() and max(times.values(), default=0) <= mark.stat().st_mtime_ns:
            return
        handle = os.open(mark, os.O_WRONLY | os.O_CREAT)
        try:
            os.utime(handle)
            os.fsync(handle)
        finally:
            os.close(handle)

    def write_back(self) -> None:
        """Let this file system write all it holds; no other one, for that would take the longer the busier we are."""
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).syncfs(handle):
                raise OSError(ctypes.get_errno(), f"{self.folder} cannot be written back")
        finally:
            os.close(handle)


@contextmanager
def counted_disk(folder: Path) -> Iterator[Disk]:
    """An ext4 in a file; without the right to make one, what the kernel says of the processes, which misses the
    file system's own writing."""
    if os.geteuid() != 0 or not all(shutil.which(tool) for tool in TOOLS):
        yield Disk(folder, _written_by, "as the kernel counts for the processes, no journal")
        return
    image, place = folder / "disk.img", folder / "disk"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(DISK_MB << 20)
    _run(
        "mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image)
    )  # else it writes by itself
    device = _run("losetup", "-f", "--show", str(image))
    try:
        _run("mount", device, str(place))
        try:
            yield Disk(place, lambda _: _written_to(device), "ext4 with its journal, counted at the block device")
        finally:
            _run("umount", str(place))
    finally:
        _run("losetup", "-d", device)


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _written_to(device: str) -> int:
    return int(Path(f"/sys/block/{Path(device).name}/stat").read_text().split()[6]) * 512


def _written_by(pids: Sequence[int]) -> int:
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/io").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))
