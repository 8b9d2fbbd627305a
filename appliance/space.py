"""How much of the disk must stay free, whatever else is wanted: the database and its log need it more."""

from __future__ import annotations

import shutil
from pathlib import Path

KEEP_FREE_BYTES = 200 << 20
KEEP_FREE_SHARE = 0.05
KEEP_FREE_MOST_BYTES = 2 << 30


def shortage(folder: Path, need_bytes: int) -> str | None:
    """Why `need_bytes` more in `folder` would be too much, in words; None when there is room."""
    usage = shutil.disk_usage(folder)
    keep = max(KEEP_FREE_BYTES, min(usage.total * KEEP_FREE_SHARE, KEEP_FREE_MOST_BYTES))
    if usage.free - need_bytes >= keep:
        return None
    return f"{folder}: {usage.free >> 20} MB free, {need_bytes >> 20} MB needed and {int(keep) >> 20} MB must stay"
