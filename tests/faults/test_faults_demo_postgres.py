"""The demo on a PostgreSQL and a folder of music of its own: its steps are true, and nothing outlives it."""

from __future__ import annotations

import json
import signal
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cloud_stub.embedded_postgres import EmbeddedPostgres
from cloud_stub.errors import SetupError
from tests.faults.conftest import SOUND_WITHIN_S, RunningDemo, is_running, start_demo, stop_demo
from tests.music import GOOD, bad_folder, ordinary_folder
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.processes, pytest.mark.timeout(400)]

SECONDS = 45
ON_POSTGRES = ("--database", "postgres")


@pytest.fixture(scope="module", autouse=True)
def _where_it_runs() -> None:
    try:
        with EmbeddedPostgres():
            pass
    except SetupError as error:
        pytest.skip(f"no PostgreSQL here: {error}")


def descendants(pid: int) -> set[int]:
    """Every process below this one, as deep as they go."""
    children: defaultdict[int, set[int]] = defaultdict(set)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue  # it ended meanwhile
            children[parent].add(int(entry.name))
    found: set[int] = set()
    new = children[pid]
    while new:
        found |= new
        new = set().union(*(children[each] for each in new)) - found
    return found


def names(pids: set[int]) -> set[str]:
    return {Path(f"/proc/{pid}/comm").read_text().strip() for pid in pids if is_running(pid)}


def until_gone(demo: RunningDemo, pids: set[int]) -> None:
    demo.wait_for(lambda: not any(map(is_running, pids)), PATIENCE_S, f"the end of {names(pids)}")


def test_ones_own_files_are_heard_the_twelve_steps_are_true_and_nothing_is_left(tmp_path: Path) -> None:
    music = ordinary_folder(tmp_path / "music", seconds=8.0)
    bad = len(list(bad_folder(music / "bad").iterdir()))
    with TemporaryDirectory(prefix="cosound-t-") as folder:
        report = Path(folder) / "report.json"
        options = ("--music", str(music), "--seconds", str(SECONDS), "--report", str(report))
        demo = start_demo(Path(folder), *ON_POSTGRES, *options)
        try:
            demo.wait_for(lambda: "player" in demo.children(), SOUND_WITHIN_S, "the player")
            pids = descendants(demo.process.pid)
            assert "postgres" in names(pids)
            demo.process.wait(SOUND_WITHIN_S + SECONDS + PATIENCE_S)
            until_gone(demo, pids)
        finally:
            stop_demo(demo)
        told = json.loads(report.read_text())
    assert [step["id"] for step in told["steps"] if not step["ok"]] == []
    own = told["music"]
    assert (own["usable"], len(own["refused"])) == (GOOD, bad)
    assert len(own["heard"]) >= 4, own["heard"]
    assert len(own["played"]) >= 4, own["played"]
    assert demo.process.returncode == 0, demo.lines
    assert not any("Traceback" in line for line in demo.lines)


def test_nothing_outlives_a_killed_one() -> None:
    with TemporaryDirectory(prefix="cosound-t-") as folder:
        demo = start_demo(Path(folder), *ON_POSTGRES)
        try:
            demo.wait_for(lambda: "player" in demo.children(), SOUND_WITHIN_S, "the player")
            pids = descendants(demo.process.pid)
            demo.process.send_signal(signal.SIGKILL)
            demo.process.wait(PATIENCE_S)
            until_gone(demo, pids)
        finally:
            stop_demo(demo)
