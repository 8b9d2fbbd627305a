"""kill -9 of the demo itself leaves nothing behind, and a folder it cannot use is one line."""

from __future__ import annotations

import signal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.faults.conftest import SOUND_WITHIN_S, is_running, start_demo, stop_demo
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


def test_nothing_outlives_a_killed_demo() -> None:
    with TemporaryDirectory(prefix="cosound-t-") as folder:
        demo = start_demo(Path(folder))
        try:
            demo.wait_for(lambda: "player" in demo.children(), SOUND_WITHIN_S, "the player")
            pids = demo.children()
            demo.process.send_signal(signal.SIGKILL)
            demo.process.wait(PATIENCE_S)
            demo.wait_for(lambda: not any(map(is_running, pids.values())), PATIENCE_S, "the end of its children")
        finally:
            stop_demo(demo)


def test_a_folder_that_cannot_be_written_is_one_clear_line() -> None:
    demo = start_demo(Path("/proc/cosound"))
    try:
        demo.process.wait(PATIENCE_S)
        demo.wait_for(lambda: bool(demo.lines), PATIENCE_S, "a line")
        assert demo.process.returncode == 2
        assert len(demo.lines) == 1
        assert "/proc/cosound" in demo.lines[0]
    finally:
        stop_demo(demo)


def test_a_folder_too_deep_for_sockets_is_one_clear_line(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    demo = start_demo(deep)
    try:
        demo.process.wait(PATIENCE_S)
        demo.wait_for(lambda: bool(demo.lines), PATIENCE_S, "a line")
        assert demo.process.returncode == 2
        assert "too long a path" in demo.lines[-1]
    finally:
        stop_demo(demo)


def test_a_folder_of_music_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    demo = start_demo(tmp_path / "d", "--music", str(tmp_path / "nowhere"))
    try:
        demo.process.wait(PATIENCE_S)
        demo.wait_for(lambda: bool(demo.lines), PATIENCE_S, "a line")
        assert (demo.process.returncode, len(demo.lines)) == (2, 1)
        assert "nowhere is not there: give --music a folder" in demo.lines[0]
    finally:
        stop_demo(demo)
