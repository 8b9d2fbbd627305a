"""The second door: the sync process against a PostgreSQL of its own behind Supabase's API, our server nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from appliance.store import Store
from benchmarks.box import Box, empty_box
from benchmarks.processes import cpu_s, running, until
from benchmarks.row import Row
from benchmarks.sync_cloud import Line
from sync.http import open_http
from sync.push import push_once
from sync.supabase import Supabase

SONGS, FACTS = 100_000, 10_000
_UNITS = {"sync.supabase.first.s": "s", "sync.supabase.drain.s": "s", "sync.supabase.change_s": "s",
          "sync.supabase.bytes_per_min": "B", "sync.supabase.cpu_pct": "%"}  # fmt: skip
_LIBRARY = """
    insert into songs (title, artist, file_url, type, sha256, byte_size, duration, loudness_lufs, embedding)
    select 'Song number ' || n, 'Somebody', 'https://files.example/' || n,
        case when mod(n, 5) = 0 then 'instrumental' else 'soundscape' end, md5(n::text) || md5((-n)::text), 5000000,
        180, -20, array[mod(n, 97), mod(n, 89), mod(n, 83), mod(n, 79), 1]::vector
    from generate_series(1, {count}) n
"""


def supabase_rows(*, quick: bool) -> list[Row]:
    shrink = 20 if quick else 1
    with TemporaryDirectory(prefix="cosound-bench-") as folder, _project(Path(folder)) as project:
        if project is None:
            return [
                Row(row_id, "the second door", None, unit, note="no PostgreSQL here") for row_id, unit in _UNITS.items()
            ]
        project.fill(SONGS // shrink)
        first = _first(Path(folder) / "first", project, SONGS // shrink)
        drain = _drain(Path(folder) / "drain", project, FACTS // shrink)
        project.run("delete from players")
        project.run("delete from songs where id not in (select id from songs limit 200)")
        project.run("update songs set file_url = 'local:' || id")  # no files: what rests then is the sync process
        return [first, drain, *_at_rest(Path(folder) / "rest", project, 5 if quick else 12, 20.0 if quick else 60.0)]


@dataclass(frozen=True, slots=True)
class Project:
    env: dict[str, str]

    @property
    def url(self) -> str:
        return self.env["SUPABASE_URL"]

    @property
    def key(self) -> str:
        return self.env["SUPABASE_ANON_KEY"]

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.env["DATABASE_URL"], autocommit=True) as conn:
            found = conn.execute(sql.encode())
            return found.fetchall() if found.description else []

    def fill(self, count: int) -> None:
        """No room is there yet, so there is no log to follow."""
        self.run(_LIBRARY.format(count=count))

    def room(self) -> tuple[str, str]:
        """(id, token) of a new one."""
        ((player_id, token),) = self.run("select * from private.new_room('Bench')")
        return str(player_id), str(token)


@contextmanager
def _project(folder: Path) -> Iterator[Project | None]:
    command = [sys.executable, "-m", "appliance", "cloud"]
    api = [*command, "postgres", "--api", "--data", str(folder)]
    with subprocess.Popen(api, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None, "it is a pipe"
            lines = [process.stdout.readline().strip() for _ in range(3)]
            if not all(lines):
                yield None
                return
            project = Project(dict(line.split("=", 1) for line in lines))
            subprocess.run([*command, "migrate"], env={**os.environ, **project.env}, check=True, capture_output=True)
            yield project
        finally:
            process.terminate()


def _first(folder: Path, project: Project, count: int) -> Row:
    _, token = project.room()
    with _box(folder, project.url, project.key, token) as (box, store):
        began_s = time.monotonic()
        with running(box, "sync"):
            until(lambda: bool(store.bucket.cursor().epoch), 300)
            took_s = time.monotonic() - began_s
        assert store.library.count() == count, "the library came in parts only"
    return Row("sync.supabase.first.s", "first sync of a library through Supabase's door", took_s, "s", goal=20.0,
               note=f"{count} songs, process start counted in")  # fmt: skip


def _drain(folder: Path, project: Project, count: int) -> Row:
    _, token = project.room()
    with _box(folder, project.url, project.key, token) as (_, store):
        song = str(project.run("select id from songs limit 1")[0][0])
        with store.db.write():
            for _ in range(count):
                store.scenes.begin_play(song, 10.0)
        door = Supabase(open_http(project.url), project.key, token)
        began_s = time.monotonic()
        report = push_once(store, door, store.clock)
        took_s = time.monotonic() - began_s
        door.close()
        assert report.verdicts == {"applied": count}, f"not all were taken: {report.verdicts}"
    return Row("sync.supabase.drain.s", "pending facts through Supabase's door", took_s, "s", goal=30.0,
               note=f"{count} plays")  # fmt: skip


def _at_rest(folder: Path, project: Project, times: int, window_s: float) -> list[Row]:
    """A change made in the table editor, until the box has it; then what looking every five seconds costs."""
    room, token = project.room()
    line = Line(int(project.url.rpartition(":")[2]))
    songs = [str(row[0]) for row in project.run("select id from songs limit 20")]
    rng, took = Random(1), []
    try:
        with _box(folder, line.url, project.key, token) as (box, store), running(box, "sync") as process:
            until(lambda: bool(store.bucket.cursor().epoch), 60)
            for turn in range(times):
                time.sleep(rng.uniform(0, 5))  # anywhere between two looks
                began_s = time.monotonic()
                project.run(f"insert into queue_rules values ('{room}', '{songs[turn]}', 'pin')")  # noqa: S608 - our ids
                until(lambda: len(store.room.rules()) == turn + 1, 30)  # noqa: B023 - done within the loop
                took.append(time.monotonic() - began_s)
            time.sleep(10)
            before, ran_s, began_s = line.bytes, cpu_s(process.pid), time.monotonic()
            time.sleep(window_s)
            took_s = time.monotonic() - began_s
            passed, cpu_pct = (line.bytes - before) / took_s * 60, (cpu_s(process.pid) - ran_s) / took_s * 100
    finally:
        line.close()
    change = "a rule written in the table editor → in the box, at worst"
    idle = "both ways between box and Supabase, HTTP with its headers"
    resting = f"{window_s:.0f} s of nothing new, heartbeats counted in"
    return [
        Row("sync.supabase.change_s", change, max(took), "s", goal=6.0, note=f"{times} times; a box looks every 5 s"),
        Row("sync.supabase.bytes_per_min", idle, passed, "B", goal=16_000.0, note=resting),
        Row("sync.supabase.cpu_pct", "the sync process meanwhile, of a core", cpu_pct, "%", goal=0.5, note=resting),
    ]  # fmt: skip


@contextmanager
def _box(folder: Path, url: str, key: str, token: str) -> Iterator[tuple[Box, Store]]:
    extra = {"SUPABASE_URL": url, "SUPABASE_ANON_KEY": key, "PLAYER_TOKEN": token, "DJANGO_API_URL": ""}
    with empty_box(folder, extra) as made:
        yield made
