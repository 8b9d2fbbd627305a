"""The demo on an ordinary folder of music: the person's own files are what the room plays."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.faults.conftest import SOUND_WITHIN_S, start_demo, stop_demo
from tests.music import GOOD, bad_folder, ordinary_folder
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

SECONDS = 45


def test_ones_own_files_are_heard_and_the_twelve_steps_stay_true(tmp_path: Path) -> None:
    music = ordinary_folder(tmp_path / "music", seconds=8.0)
    bad = len(list(bad_folder(music / "bad").iterdir()))
    with TemporaryDirectory(prefix="cosound-t-") as folder:
        report = Path(folder) / "report.json"
        demo = start_demo(Path(folder), "--music", str(music), "--seconds", str(SECONDS), "--report", str(report))
        try:
            demo.process.wait(SOUND_WITHIN_S + SECONDS + PATIENCE_S)
            demo.wait_for(lambda: any("true:" in line for line in demo.lines), PATIENCE_S, "the verdict")
        finally:
            stop_demo(demo)
        told = json.loads(report.read_text())
    assert [step["id"] for step in told["steps"] if not step["ok"]] == []
    own = told["music"]
    assert (own["usable"], len(own["refused"])) == (GOOD, bad)
    assert len(own["heard"]) >= 4, own["heard"]
    assert len(own["played"]) >= 4, own["played"]
    assert not any("Traceback" in line for line in demo.lines)


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    demo = start_demo(tmp_path / "d", "--music", str(tmp_path / "nowhere"))
    try:
        demo.process.wait(PATIENCE_S)
        demo.wait_for(lambda: bool(demo.lines), PATIENCE_S, "a line")
        assert (demo.process.returncode, len(demo.lines)) == (2, 1)
        assert "nowhere is not there: give --music a folder" in demo.lines[0]
    finally:
        stop_demo(demo)
