"""A box of real processes on a folder of its own, with songs that are ready, and no demo around it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from appliance.errors import CosoundError
from appliance.runtime import Runtime
from appliance.store import open_store
from appliance.tapline import send_tap
from mixer.pcm import PcmInfo, scale_for_peak, write_pcm
from mixer.scene import SAMPLE_RATE
from tests.factories import put_songs, song_row, uid
from tests.faults.listening import recorded_s
from tests.patience import PATIENCE_S

SONGS = 6
SONG_S = 4


@dataclass
class RealBox:
    """Processes are started by name, and kept alive by `mind`, as systemd would."""

    folder: Path
    data: Path
    env: dict[str, str] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    restarts: int = 0
    inside: tuple[str, ...] = ()  # a command that runs the processes, where they see another world
    _player_began_s: float = 0.0

    def __post_init__(self) -> None:
        places = {"COSOUND_DATA_DIR": str(self.data), "COSOUND_RUNTIME_DIR": str(self.folder / "run")}
        sound = {"SDL_AUDIODRIVER": "dummy", "COSOUND_UI_PORT": "0", "COSOUND_READER": "none"}
        config = {"COSOUND_CONFIG": str(self.folder / "cosound.toml"), "COSOUND_PEPPER": "00" * 16}
        for name in ("DJANGO_API_URL", "PLAYER_TOKEN"):
            os.environ.pop(name, None)
        self.env = {**os.environ, **places, **sound, **config, **self.env}

    @property
    def runtime(self) -> Runtime:
        return Runtime(self.folder / "run")

    @property
    def recording(self) -> Path:
        return self.folder / "recording.wav"

    @property
    def database(self) -> Path:
        return self.data / "cosound.db"

    def with_songs(self) -> RealBox:
        """A few seconds of noise each, outside the data directory, so that they outlive what happens to that."""
        pcm_dir = self.folder / "pcm"
        pcm_dir.mkdir(exist_ok=True)
        store = open_store(self.data, self.folder / "run", "maker")
        put_songs(store, *(song_row(n, duration=float(SONG_S)) for n in range(SONGS)), ready=False)
        for number in range(SONGS):
            path = pcm_dir / f"{number:064x}.pcm"
            noise = np.random.default_rng(number).uniform(-0.3, 0.3, (2, SONG_S * SAMPLE_RATE)).astype(np.float32)
            info = PcmInfo(2, SONG_S * SAMPLE_RATE, scale_for_peak(0.3), -20.0, -10.0)
            write_pcm(path, [noise], info)
        store.close()
        return self.with_all_ready()

    def with_all_ready(self) -> RealBox:
        """As the agent would, once it has prepared them anew."""
        store = open_store(self.data, self.folder / "run", "maker")
        for number in range(SONGS):
            store.library.set_ready(uid(number), self.folder / "pcm" / f"{number:064x}.pcm")
        store.close()
        return self

    def start(self, *names: str, env: Mapping[str, str] | None = None) -> RealBox:
        if "player" in names:
            self._player_began_s = now_s()
        for name in names:
            options = ["--record", str(self.recording)] if name == "player" else []
            with (self.folder / f"{name}.log").open("ab") as log:
                self.running[name] = subprocess.Popen(
                    [*self.inside, sys.executable, "-m", "appliance", name, *options],
                    env={**self.env, **(env or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
        return self

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """A command of a person's, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "appliance", *arguments],
            env={**self.env, **(env or {})},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def mind(self) -> None:
        """Start again what has ended."""
        for name, process in list(self.running.items()):
            if process.poll() is not None:
                self.restarts += 1
                self.start(name)

    def kill(self, name: str) -> None:
        self.running[name].kill()
        self.running[name].wait()

    def until(self, done: Callable[[], object], what: str, seconds: float = PATIENCE_S) -> float:
        """Seconds until `done` came true, minding the processes meanwhile."""
        began_s = time.monotonic()
        while not done():
            assert time.monotonic() - began_s < seconds, f"{what} did not come in {seconds} s\n{self.logs()}"
            self.mind()
            threading.Event().wait(0.02)
        return time.monotonic() - began_s

    def sounding(self) -> bool:
        """The player that was started last says so, and not long ago."""
        state = self.runtime.read("player")
        return bool(state.get("audible")) and state["boot_s"] > max(self._player_began_s, now_s() - 2.0)

    def up(self) -> RealBox:
        """Wait until everything that was started answers."""
        if "player" in self.running:
            self.until(self.sounding, "sound")
            self.until(lambda: self.recording.exists() and recorded_s(self.recording) > 0.5, "the first half second")
        if "nfc" in self.running:
            self.until(self._listens, "the reader")
        return self

    def _listens(self) -> bool:
        return any(reader["state"] == "ready" for reader in self.runtime.read("reader").get("readers", ()))

    def sound_for(self, seconds: float) -> None:
        """Let it be recorded for so long."""
        until_s = recorded_s(self.recording) + seconds
        self.until(lambda: recorded_s(self.recording) > until_s, "the recording", seconds + PATIENCE_S)

    @property
    def reader_says(self) -> str:
        """Why any of its readers is away or refuses, "" when all is well."""
        return " ".join(reader["why"] for reader in self.runtime.read("reader").get("readers", ()))

    @property
    def link(self) -> str:
        return str(self.runtime.read("sync").get("link"))

    @property
    def link_why(self) -> str:
        return str(self.runtime.read("sync").get("why"))

    @property
    def ready_songs(self) -> int:
        return len(self.read("select id from songs where pcm_path is not null"))

    def ops_of(self, taps: list[str]) -> list[str]:
        return [op for tap_id, op in self.read("select id, op_id from taps") if tap_id in taps]

    def tap(self, card: int) -> str:
        return send_tap(self.folder / "run", bytes.fromhex(f"04{card:012x}"))

    def tap_and_see(self, card: int, seconds: float = PATIENCE_S) -> str:
        """A tap that is acknowledged: its row can be read. A reader that is away is asked until it is back."""
        sent: list[str] = []

        def arrived() -> bool:
            with suppress(CosoundError):
                sent[:] = sent or [self.tap(card)]
            return bool(sent) and sent[0] in self.taps()

        self.until(arrived, f"a tap of card {card}", seconds)
        return sent[0]

    def taps(self) -> list[str]:
        return [row[0] for row in self.read("select id from taps")]

    def read(self, sql: str) -> list[Any]:
        """Any read from outside, by a connection that cannot write; [] when there is nothing to read from."""
        try:
            with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5)) as conn:
                return conn.execute(sql).fetchall()
        except sqlite3.Error:
            return []

    def stands(self) -> tuple[int, str] | None:
        """At which revision of the bucket, with which digest of its rows."""
        found = self.read("select value from sync_state where key = 'cursor'")
        cursor = json.loads(found[0][0]) if found else {}
        return (cursor["rev"], f"{cursor['digest']:016x}") if cursor else None

    def logs(self) -> str:
        return "\n".join(
            f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in self.folder.glob("*.log")
        )

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> None:
        for process in self.running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.running.values():
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running.clear()


def now_s() -> float:
    """The boot clock, as the processes read it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@contextmanager
def real_box(folder: Path, data: Path | None = None, **env: str) -> Iterator[RealBox]:
    """No fault may end in a trace that a person sees."""
    box = RealBox(folder, data or folder / "data", env)
    try:
        yield box
    finally:
        box.stop()
    assert "Traceback" not in box.logs(), box.logs()
