"""A Supabase project in small as real processes, with a library and one room, and no server of ours beside it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.faults.real_cloud import short_library
from tests.patience import PATIENCE_S

IN_THE_BUCKET = "update songs set file_url = '/storage/v1/object/public/sounds/' || split_part(file_url, '/', 3)"


@dataclass
class RealProject:
    """What a person put into its environment, and the room they made."""

    env: dict[str, str]
    room: str
    token: str

    @property
    def box_env(self) -> dict[str, str]:
        return {**{name: self.env[name] for name in ("SUPABASE_URL", "SUPABASE_ANON_KEY")}, "PLAYER_TOKEN": self.token}

    def read(self, sql: str) -> list[dict[str, Any]]:
        """What a person runs in the SQL editor, and pg_cron by itself."""
        with psycopg.connect(self.env["DATABASE_URL"], autocommit=True, row_factory=dict_row) as conn:
            found = conn.execute(sql.encode())
            return found.fetchall() if found.description else []

    def refresh(self) -> None:
        self.read("select refresh_queues()")

    def ops(self) -> list[str]:
        return [str(row["op_id"]) for row in self.read("select op_id from op_seen")]


@contextmanager
def real_project(data: Path) -> Iterator[RealProject]:
    """By the steps of docs/cloud.md: the database, migrations, a library, files in the bucket, a room and its token."""
    command = [sys.executable, "-m", "appliance", "cloud"]
    with (data / "project.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "postgres", "--api", "--data", str(data)], stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(3)]
        if not all(lines):
            pytest.skip(f"no PostgreSQL here: {(data / 'project.log').read_text()[-200:]}")
        env = dict(line.split("=", 1) for line in lines)
        subprocess.run([*command, "migrate", "--ranking", "database"], env={**_without_cloud(), **env}, check=True,
                       capture_output=True, timeout=60)  # fmt: skip
        _fill(data, env["DATABASE_URL"])
        project = RealProject(env, "", "")
        project.read(IN_THE_BUCKET)
        (made,) = project.read("select * from private.new_room('Reading room')")
        yield RealProject(env, str(made["player_id"]), str(made["token"]))
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
    assert "Traceback" not in (data / "project.log").read_text()


def _fill(data: Path, url: str) -> None:
    """Songs of one second, so that no test waits for the synthesis."""
    from cloud_stub import seed as seeding
    from cloud_stub.settings import CloudSettings
    from ml import synth

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synth, "write_starter_library", lambda folder, **_: short_library(folder))
        seeding.seed(CloudSettings.for_directory(data, {"DATABASE_URL": url}), listeners=2, pepper=bytes(16))


def _without_cloud() -> dict[str, str]:
    import os

    return {name: value for name, value in os.environ.items() if not name.startswith(("SUPABASE", "DATABASE"))}
