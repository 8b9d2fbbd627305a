"""The sync process and the real cloud over real sockets: first sync, changes, a cut line, a full outbox, rest."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from appliance.store import Store
from benchmarks.box import Box, empty_box
from benchmarks.processes import p95, running, until
from benchmarks.row import Row
from benchmarks.sync_cloud import Cloud, Line, Room, cloud_with_library, touch_songs
from benchmarks.sync_idle import idle_rows
from benchmarks.sync_supabase import supabase_rows
from sync.client import Cloud as Client
from sync.http import open_http
from sync.pull import pull_once
from sync.push import push_once

SONGS, FACTS, PENDING, CHANGES = 100_000, 10_000, 100_000, 100
SMALL_LIBRARY = 200


def rows(*, quick: bool) -> list[Row]:
    shrink = 20 if quick else 1
    with TemporaryDirectory(prefix="cosound-bench-") as folder:
        first = _first(Path(folder) / "large", SONGS // shrink)
        with cloud_with_library(Path(folder) / "small" / "cloud", SMALL_LIBRARY) as (cloud, room):
            small = Path(folder) / "small"
            changes = [_delta(small / "delta", cloud, room), *_live(small / "live", cloud, room, 12 if quick else 60)]
            facts = [_drain(small / "drain", cloud, room, FACTS // shrink), _tap(small / "tap", PENDING // shrink)]
    return [*first, *changes, *facts, *supabase_rows(quick=quick), *idle_rows(45.0 if quick else 240.0)]


def _first(folder: Path, count: int) -> list[Row]:
    """From the start of an empty box's sync process to the last row of the library, and its largest memory."""
    with cloud_with_library(folder / "cloud", count) as (cloud, room), _box(folder, cloud.url, room) as (box, store):
        began_s = time.monotonic()
        with running(box, "sync") as process:
            while not store.bucket.cursor().epoch and time.monotonic() - began_s < 300:
                time.sleep(0.05)
            took_s = time.monotonic() - began_s
            peak_mb = _peak_mb(process.pid)
        assert store.library.count() == count, "the library came in parts only"
    note = f"{count} songs"
    return [
        Row("sync.first.s", "first sync of a library, process start counted in", took_s, "s", goal=20.0, note=note),
        Row("sync.first.mb", "the sync process at its largest meanwhile", peak_mb, "MB", goal=150.0, note=note),
    ]


def _delta(folder: Path, cloud: Cloud, room: Room) -> Row:
    """One pull that brings 100 changes, in this process."""
    took = []
    with _box(folder, cloud.url, room) as (_, store), _client(cloud.url, room) as client:
        pull_once(store, client)
        for turn in range(7):
            cloud.write(touch_songs, room, CHANGES, f"artist {turn}")
            began_s = time.monotonic()
            report = pull_once(store, client)
            took.append((time.monotonic() - began_s) * 1000)
            assert report.changes >= CHANGES, "not every change came"
    return Row("sync.delta_ms", f"{CHANGES} changes pulled and stored", median(took), "ms", goal=100.0,
               note="median of 7")  # fmt: skip


def _live(folder: Path, cloud: Cloud, room: Room, times: int) -> list[Row]:
    """A queue that changes in the cloud, seen in the box's file by another process of it; then after a cut."""
    order = list(room.songs[:16])
    with _lined_box(folder, cloud, room) as (line, box, store), running(box, "sync"):
        until(lambda: store.room.queue().source == "cloud", 30)
        took, back = [], []
        for _ in range(times):
            time.sleep(1.05)  # the box asks at most once a second for long
            took.append((_shuffled(cloud, room, order, store) or 0.0) * 1000)
        for away_s in (3.0, 20.0):
            line.pull_out()
            time.sleep(away_s)
            random.shuffle(order)
            cloud.reorder_queue(room, order)
            line.cut, began_s = False, time.monotonic()
            until(lambda: _holds(store, order), 60)
            back.append(time.monotonic() - began_s)
    return [
        Row("sync.queue.p95_ms", "queue change in the cloud → stored in the box", p95(took), "ms", goal=50.0,
            note=f"p95 of {times}, median {median(took):.1f} ms; the cloud's own write counted in"),
        Row("sync.reconnect_s", "line back → the queue that changed meanwhile is stored", max(back), "s", goal=2.0,
            note="the longer of a cut of 3 s and one of 20 s"),
    ]  # fmt: skip


def _shuffled(cloud: Cloud, room: Room, order: list[str], store: Store) -> float:
    """Shuffle the queue; how many seconds until the box has it so."""
    before = list(order)
    while order == before:
        random.shuffle(order)
    began_s = cloud.reorder_queue(room, order)
    deadline_s = began_s + 10
    while not _holds(store, order):
        store.wait(0.5)
        if time.monotonic() > deadline_s:
            raise TimeoutError("the new queue did not reach the box within 10 s")
    return time.monotonic() - began_s


def _holds(store: Store, order: list[str]) -> bool:
    return [entry.song_id for entry in store.room.queue().entries] == order


def _drain(folder: Path, cloud: Cloud, room: Room, count: int) -> Row:
    with _box(folder, cloud.url, room) as (_, store), _client(cloud.url, room) as client:
        _make_plays(store, room, count)
        began_s = time.monotonic()
        report = push_once(store, client, store.clock)
        took_s = time.monotonic() - began_s
        assert report.verdicts == {"applied": count}, f"not all were taken: {report.verdicts}"
    return Row("sync.drain.s", "pending facts to the cloud", took_s, "s", goal=30.0, note=f"{count} plays")


def _tap(folder: Path, pending: int) -> Row:
    """A tap's transaction beside a full outbox, against an empty one."""
    from uuid import uuid4

    from appliance.model import TapRead
    from checkin import rules

    def taps(store: Store) -> float:
        took = []
        for number in range(60):
            tap = TapRead(str(uuid4()), f"{number:064d}", 1, round(store.clock.boot_s() * 1000), 0)
            began_s = time.monotonic()
            store.people.record_tap(tap, rules)
            took.append(time.monotonic() - began_s)
        return median(took) * 1000

    with _box(folder / "empty", "", None) as (_, store):
        alone_ms = taps(store)
    with _box(folder / "full", "", None) as (_, store):
        _make_plays(store, None, pending)
        beside_ms = taps(store)
    return Row("sync.pending.tap_ms", f"a newcomer's tap with {pending} facts pending, beside none", beside_ms, "ms",
               reference=alone_ms, goal=1.5, of="ratio")  # fmt: skip


def _make_plays(store: Store, room: Room | None, count: int) -> None:
    song = room.songs[0] if room else "00000000-0000-4000-8000-000000000000"
    with store.db.write():
        for _ in range(count):
            store.scenes.begin_play(song, 10.0)


@contextmanager
def _box(folder: Path, url: str, room: Room | None) -> Iterator[tuple[Box, Store]]:
    """An empty box of that room."""
    with empty_box(folder, {"DJANGO_API_URL": url, "PLAYER_TOKEN": room.token if room else ""}) as made:
        yield made


@contextmanager
def _lined_box(folder: Path, cloud: Cloud, room: Room) -> Iterator[tuple[Line, Box, Store]]:
    line = Line(cloud.port)
    try:
        with _box(folder, line.url, room) as (box, store):
            yield line, box, store
    finally:
        line.close()


@contextmanager
def _client(url: str, room: Room) -> Iterator[Client]:
    client = Client(open_http(url), room.token)
    try:
        yield client
    finally:
        client.close()


def _peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), float("nan"))
