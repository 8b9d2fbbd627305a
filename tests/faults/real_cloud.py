"""A real cloud process with a small library, and what it has stored."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from appliance.demo.ports import free_port
from tests.faults.real_box import RealBox

SONGS = 8


@dataclass
class RealCloud:
    """One room in it, and no listeners' taps yet."""

    data: Path
    found: dict[str, Any]
    url: str = ""
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """At the address that it had before, if any."""
        port = self.url.rpartition(":")[2] or str(free_port())
        command = [sys.executable, "-m", "appliance", "cloud", "serve", "--data", str(self.data), "--port", port]
        with (self.data / "cloud.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().decode().split()[-1]

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def back_up(self, to: Path) -> None:
        with closing(sqlite3.connect(self.database)) as source, closing(sqlite3.connect(to)) as target:
            source.backup(target)

    def restore(self, backup: Path) -> None:
        """As somebody who has nothing newer would: it is what it was then, and nobody says so."""
        self.kill()
        for end in ("-wal", "-shm"):
            self.database.with_name(f"{self.database.name}{end}").unlink(missing_ok=True)
        shutil.copy(backup, self.database)
        self.start()

    @property
    def database(self) -> Path:
        return self.data / "cloud.db"

    @property
    def token(self) -> str:
        return str(self.found["room"]["token"])

    @property
    def box_env(self) -> dict[str, str]:
        return {"DJANGO_API_URL": self.url, "PLAYER_TOKEN": self.token}

    def ops(self) -> list[str]:
        """Every op it has answered."""
        return op_ids(self.database)

    def bucket_stands(self) -> tuple[int, str]:
        """The room's revision, and the digest of its rows."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5)) as conn:
            rev, digest = conn.execute(
                "select rev, digest from players where id = ?", (self.found["room"]["player_id"],)
            ).fetchone()
        return int(rev), str(digest)

    def last_heard(self) -> str:
        """When the box's newest heartbeat came, by the cloud's clock; empty when none did."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5)) as conn:
            found = conn.execute("select heard_at from player_state").fetchone()
        return "" if found is None else str(found[0])


def op_ids(database: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as conn:
        return [row[0] for row in conn.execute("select op_id from op_seen")]


def doubled_stays(database: Path) -> int:
    """Stays of one person that began in the same millisecond: one tap that counted twice."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as conn:
        sql = "select count(*) - count(distinct user_id || checked_in_at) from sessions"
        return int(conn.execute(sql).fetchone()[0])


@contextmanager
def real_cloud(data: Path, songs: int = SONGS) -> Iterator[RealCloud]:
    """Seeded with so many songs of two seconds, so that no test waits for the synthesis; each takes its box half a
    second of a core."""
    from cloud_stub import seed as seeding
    from cloud_stub.settings import CloudSettings
    from ml import synth

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synth, "write_starter_library", lambda folder, **_: short_library(folder, songs))
        found = seeding.seed(CloudSettings.for_directory(data, {}), listeners=2, pepper=bytes(16))
    cloud = RealCloud(data, found)
    try:
        cloud.start()
        yield cloud
    finally:
        cloud.kill()
    assert b"Traceback" not in (data / "cloud.log").read_bytes()


def short_library(folder: Path, songs: int = SONGS) -> list[Any]:
    """Two of them instrumentals."""
    import soundfile

    from ml.synth import RECIPES, StarterSong

    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number, recipe in enumerate([*RECIPES[: songs - 2], *RECIPES[-2:]]):
        path = folder / f"{recipe.key}.flac"
        soundfile.write(path, np.random.default_rng(number).uniform(-0.2, 0.2, 96_000), 48_000)
        made.append(StarterSong(recipe, path))
    return made


def settled(box: RealBox, cloud: RealCloud) -> None:
    """The outbox is drained, and the box equals the bucket."""
    box.until(lambda: box.read("select count(*) from outbox") == [(0,)], "an empty outbox")
    box.until(lambda: box.stands() == cloud.bucket_stands(), "the bucket's rows")
