"""Where the demo lives: its directories, ports and secrets, and what every process of it is told."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from appliance.bell import MAX_SOCKET_PATH
from appliance.demo.ports import free_port
from appliance.errors import SetupError

LONGEST_SOCKET_NAME = len("/run/bell/sync-heartbeat.0123456")


@dataclass(frozen=True, slots=True)
class Stage:
    """Directories under one folder; two free ports on 127.0.0.1; a pepper made for this demo."""

    folder: Path
    cloud_port: int
    ui_port: int
    pepper: str
    pin: str = "2468"
    reader: str = "none"
    database_port: int | None = None  # of a PostgreSQL of the demo's own
    database_password: str = ""

    @property
    def cloud_dir(self) -> Path:
        return self.folder / "cloud"

    @property
    def data_dir(self) -> Path:
        return self.folder / "box"

    @property
    def runtime_dir(self) -> Path:
        return self.folder / "run"

    @property
    def log_dir(self) -> Path:
        return self.folder / "log"

    @property
    def cloud_url(self) -> str:
        return f"http://127.0.0.1:{self.cloud_port}"

    def cloud_env(self) -> dict[str, str]:
        return {"PORT": str(self.cloud_port), "DATABASE_URL": self.database_url}

    @property
    def database_url(self) -> str:
        """Empty: a file in the cloud's directory."""
        if self.database_port is None:
            return ""
        return f"postgresql://postgres:{self.database_password}@127.0.0.1:{self.database_port}/postgres"

    def with_postgres(self) -> Stage:
        return replace(self, database_port=free_port(), database_password=secrets.token_hex(16))

    def database_answers(self) -> bool:
        """Whether it takes connections."""
        assert self.database_port is not None, "only asked of a stage with_postgres"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.database_port)) == 0

    def box_env(self, player_token: str) -> dict[str, str]:
        return {
            "COSOUND_CONFIG": str(self.folder / "cosound.toml"),
            "COSOUND_DATA_DIR": str(self.data_dir),
            "COSOUND_RUNTIME_DIR": str(self.runtime_dir),
            "COSOUND_PEPPER": self.pepper,
            "COSOUND_UI_PORT": str(self.ui_port),
            "COSOUND_PIN": self.pin,
            "COSOUND_READER": self.reader,
            "DJANGO_API_URL": self.cloud_url,
            "PLAYER_TOKEN": player_token,
        }


def set_stage(folder: Path | None) -> Stage:
    """Make (or take up again) the demo's folder. Raises SetupError when it cannot be written or is too deep."""
    place = folder.resolve() if folder else Path(tempfile.mkdtemp(prefix="cosound-"))
    if len(str(place)) + LONGEST_SOCKET_NAME > MAX_SOCKET_PATH:
        raise SetupError(f"{place} is too long a path for unix sockets: choose a --dir nearer to the root")
    try:
        stage = Stage(place, free_port(), free_port(), _pepper(place))
        for directory in (stage.cloud_dir, stage.data_dir, stage.runtime_dir / "bell", stage.log_dir):
            directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"{place} cannot be written ({error.strerror}): choose another --dir") from error
    return stage


def starter_dir() -> Path:
    """Where the starter library is kept from one demo to the next."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "cosound" / "starter"


def seed_cloud(
    stage: Stage, env: Mapping[str, str], progress: Callable[[str], None], *, starter: bool = True,
    strangers: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Fill the cloud's database with a room, listeners and, if wanted, the starter library; returns who and what.

    strangers: nothing is known yet of what the listeners like.
    """
    command = [sys.executable, "-m", "appliance", "cloud", "seed", "--data", str(stage.cloud_dir),
               "--listeners", "8", "--starter", str(starter_dir()), "--json"]  # fmt: skip
    command += [*([] if starter else ["--no-starter"]), *(["--strangers"] if strangers else [])]
    given = {**env, "COSOUND_PEPPER": stage.pepper}  # not as an argument: everybody on the machine reads those
    with subprocess.Popen(command, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as seeding:
        assert seeding.stderr is not None and seeding.stdout is not None
        said = ""
        for line in seeding.stderr:
            said = line.strip() or said
            progress(said)
        answer = seeding.stdout.read()
    if seeding.returncode != 0:
        raise SetupError(f"the cloud could not be filled: {said}")
    return dict(json.loads(answer))


def _pepper(place: Path) -> str:
    """The pepper of a folder used before, so that its cards stay the same cards."""
    file = place / "pepper"
    if file.exists():
        return file.read_text().strip()
    place.mkdir(parents=True, exist_ok=True)
    pepper = secrets.token_hex(16)
    file.write_text(pepper)
    file.chmod(0o600)
    return pepper
