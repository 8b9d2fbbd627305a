"""A box at rest: its four processes, the cloud there, nobody in the room, the house's beds playing. What it costs."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.box import Box, put_local_songs
from benchmarks.disk import Disk, counted_disk
from benchmarks.processes import cpu_s, running, until
from benchmarks.row import Row
from benchmarks.sync_cloud import Line, cloud_with_library

SETTLE_S = 100.0  # the first changes of an evening, and the kernel's own writing behind
PROCESSES = ("player", "sync", "nfc", "ui")


def idle_rows(window_s: float) -> list[Row]:
    with ExitStack() as ends:
        folder = Path(ends.enter_context(TemporaryDirectory(prefix="cosound-idle-")))
        memory = ends.enter_context(TemporaryDirectory(prefix="cosound-", dir="/dev/shm"))
        disk = ends.enter_context(counted_disk(folder))
        cloud, room = ends.enter_context(cloud_with_library(folder / "cloud", 0))
        line = Line(cloud.port)
        ends.callback(line.close)
        extra = {"DJANGO_API_URL": line.url, "PLAYER_TOKEN": room.token, "COSOUND_INSTRUMENTALS": "0",
                 "COSOUND_UI_PORT": "0"}  # fmt: skip
        box = Box(disk.folder / "box", Path(memory), extra=extra)
        put_local_songs(box)
        pids = {name: ends.enter_context(running(box, name)).pid for name in PROCESSES}
        until(lambda: bool(box.runtime.read("player").get("audible")))
        time.sleep(SETTLE_S)
        return _measure(disk, line, pids, window_s)


def _measure(disk: Disk, line: Line, pids: dict[str, int], window_s: float) -> list[Row]:
    everybody = list(pids.values())
    disk.write_back()
    disk_before, line_before, cpu_before = disk.written(everybody), line.bytes, cpu_s(pids["sync"])
    began_s = time.monotonic()
    time.sleep(window_s)
    disk.write_back()
    took_s = time.monotonic() - began_s
    written_mb = (disk.written(everybody) - disk_before) / 1e6 * 86_400 / took_s
    passed = (line.bytes - line_before) / took_s * 60
    cpu_pct = (cpu_s(pids["sync"]) - cpu_before) / took_s * 100
    note = f"{took_s:.0f} s, four processes, beds playing, nobody there"
    return [
        Row("sync.idle.bytes_per_min", "both ways between box and cloud, HTTP with its headers", passed, "B",
            goal=2048.0, note=note),
        Row("sync.idle.cpu_pct", "the sync process, share of a core", cpu_pct, "%", goal=0.3, note=note),
        Row("sync.idle.write_mb_day", "written to the box's disk", written_mb, "MB/day", goal=20.0,
            note=f"{note}; {disk.how}"),
    ]  # fmt: skip
