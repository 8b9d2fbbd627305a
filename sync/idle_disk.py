"""Reading that waits for everybody else's: for work that nobody waits for."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SET, _GET = {"x86_64": (251, 252), "aarch64": (30, 31)}.get(os.uname().machine, (0, 0))  # ioprio_set, ioprio_get
_OUR_THREAD = (1, 0)
_IDLE = 3 << 13


@contextmanager
def idle_disk() -> Iterator[None]:
    """This thread's reads come after all others'. Only for a block that holds no lock: a commit must not wait so.

    Where the kernel does not know it or a sandbox forbids it (the sync unit's does, and weighs less instead), nothing.
    """
    if not _SET:
        yield
        return
    libc = ctypes.CDLL(None)
    before = libc.syscall(_GET, *_OUR_THREAD)
    libc.syscall(_SET, *_OUR_THREAD, _IDLE)
    try:
        yield
    finally:
        libc.syscall(_SET, *_OUR_THREAD, max(before, 0))


def forget_pages(path: Path) -> None:
    """What is read of the file next comes from the disk, as far as nobody has it mapped."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)
