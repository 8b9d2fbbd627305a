"""Whether the disk takes more: how much of it must stay free for the database and its log, and if it can be written."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import TextIO

KEEP_FREE_BYTES = 200 << 20
KEEP_FREE_SHARE = 0.05
KEEP_FREE_MOST_BYTES = 2 << 30
READ_ONLY = "can only be read: switch the box off and on, and renew the card if this comes again"


def shortage(folder: Path, need_bytes: int) -> str | None:
    """Why `need_bytes` more in `folder` would be too much, in words; None when there is room."""
    usage = shutil.disk_usage(folder)
    keep = max(KEEP_FREE_BYTES, min(usage.total * KEEP_FREE_SHARE, KEEP_FREE_MOST_BYTES))
    if usage.free - need_bytes >= keep:
        return None
    return f"{folder}: {usage.free >> 20} MB free, {need_bytes >> 20} MB needed and {int(keep) >> 20} MB must stay"


def is_read_only(path: Path) -> bool:
    """Whether the file system that holds `path` takes no writes at all: the kernel lets none through to one in which it
    found an error. Asked of the kernel itself: a mount that began writable goes on calling itself so."""
    try:
        times = path.stat()
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    except OSError as error:
        return error.errno == errno.EROFS
    return False


def open_lock(path: Path) -> TextIO:
    """A file to lock, made where it is missing. One that is there serves from a disk that can only be read, too: what
    runs on it must be able to start again. Raises OSError."""
    try:
        return path.open("a+")
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        return path.open("r")
