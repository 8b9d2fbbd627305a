"""Each process is killed while the others run: it comes back, and the room goes on sounding."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from appliance.demo.recording import RATE, read_all
from tests.faults.conftest import RunningDemo, is_running

pytestmark = pytest.mark.processes

SILENT = 1e-4  # −80 dBFS


def longest_silence_s(recording: Path, from_s: float) -> float:
    """The longest stretch without sound after `from_s`, in steps of 10 ms."""
    samples = np.abs(read_all(recording)[round(from_s * RATE) :]).max(axis=1)
    steps = samples[: len(samples) // 480 * 480].reshape(-1, 480).max(axis=1)
    longest = run = 0
    for step in steps:
        run = run + 1 if step < SILENT else 0
        longest = max(longest, run)
    return longest / 100


def recorded_s(demo: RunningDemo) -> float:
    return len(read_all(demo.recording)) / RATE


@pytest.mark.parametrize("name", ["nfc", "sync", "ui", "cloud"])
def test_another_process_dies_and_the_sound_has_no_gap(demo: RunningDemo, name: str) -> None:
    old = demo.children()[name]
    from_s = recorded_s(demo)
    os.kill(old, signal.SIGKILL)
    demo.wait_for(lambda: demo.children().get(name, old) != old, 10, f"another {name}")
    demo.wait_for(lambda: recorded_s(demo) > from_s + 2, 10, "two more seconds of recording")
    assert longest_silence_s(demo.recording, from_s) < 0.05
    assert any(f"({name} died and was started again)" in line for line in demo.lines)


def test_a_stopped_process_does_not_stop_the_sound(demo: RunningDemo) -> None:
    """SIGSTOP of the reader, the agent and the screen: they hold no lock the player needs."""
    stopped = [demo.children()[name] for name in ("nfc", "sync", "ui")]
    from_s = recorded_s(demo)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        demo.wait_for(lambda: recorded_s(demo) > from_s + 2, 10, "two more seconds of recording")
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    assert longest_silence_s(demo.recording, from_s) < 0.05


def test_the_player_dies_and_the_sound_is_back_within_three_seconds(demo: RunningDemo) -> None:
    old, from_s = demo.children()["player"], recorded_s(demo)
    os.kill(old, signal.SIGKILL)
    demo.wait_for(lambda: demo.children().get("player", old) != old, 10, "another player")
    demo.wait_for(lambda: recorded_s(demo) > from_s + 5, 15, "five more seconds of recording")
    assert longest_silence_s(demo.recording, from_s) <= 3.0


def test_a_second_player_on_the_same_folder_is_refused_with_the_pid(demo: RunningDemo) -> None:
    import subprocess
    import sys

    env = {**os.environ, "COSOUND_DATA_DIR": str(demo.folder / "box"), "COSOUND_RUNTIME_DIR": str(demo.folder / "run")}
    command = [sys.executable, "-m", "appliance", "player"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(demo.children()["player"]) in done.stderr


def test_ctrl_c_ends_everything_soon(demo: RunningDemo) -> None:
    """The last test of this module: the demo is gone afterwards."""
    pids = demo.children()
    assert set(pids) >= {"cloud", "sync", "nfc", "ui", "player"}
    demo.process.send_signal(signal.SIGINT)
    took_s = demo.wait_for(lambda: demo.process.poll() is not None, 10, "the end")
    assert took_s <= 4.0  # it promises three; this machine may be busy
    assert demo.process.returncode == 0
    assert not any(is_running(pid) for pid in pids.values())
