"""Each process is killed while the others run: it comes back, and the room goes on sounding."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.faults.conftest import RunningDemo, is_running
from tests.faults.fault_table import TIMES, FaultTable
from tests.faults.listening import longest_silence_s, recorded_s
from tests.faults.machine import Machine
from tests.faults.one_line import start, the_line
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

OTHERS = ("nfc", "sync", "ui", "cloud")
BOX = ("player", "nfc", "sync", "ui")


@pytest.fixture
def cards() -> Iterator[Iterator[int]]:
    """Numbers of cards nobody has shown before."""
    yield itertools.count(time.monotonic_ns() & 0xFFFFFFFF)


def kill_and_see_it_back(demo: RunningDemo, name: str) -> float:
    """Seconds until another is there."""
    old = demo.children()[name]
    os.kill(old, signal.SIGKILL)
    return demo.wait_for(lambda: demo.children().get(name, old) != old, PATIENCE_S, f"another {name}")


def hear(demo: RunningDemo, seconds: float) -> None:
    """Let it be recorded for so long."""
    until_s = recorded_s(demo.recording) + seconds
    demo.wait_for(lambda: recorded_s(demo.recording) > until_s, seconds + PATIENCE_S, "the recording")


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.timeout(180 + 60 * TIMES)
def test_another_process_dies_and_the_sound_has_no_gap(
    demo: RunningDemo, cards: Iterator[int], faults: FaultTable, machine: Machine, name: str
) -> None:
    for _ in range(TIMES):
        from_s = recorded_s(demo.recording)
        taps = [demo.tap_and_see(next(cards)), demo.tap_and_see(next(cards))]
        recovery_s = kill_and_see_it_back(demo, name)
        taps.append(demo.tap_and_see(next(cards)))
        hear(demo, 1)
        faults.note(f"kill -9: {name}", acknowledged=taps, found=demo.kept(taps), recovery_s=recovery_s)
        assert longest_silence_s(demo.recording, from_s) < machine.bearable_gap_s
    assert any(f"({name} died and was started again)" in line for line in demo.lines)


@pytest.mark.timeout(180 + 60 * TIMES)
def test_stopped_processes_do_not_stop_the_sound(
    demo: RunningDemo, cards: Iterator[int], faults: FaultTable, machine: Machine
) -> None:
    """SIGSTOP of the reader, the agent and the screen, one after the other: stopped between two commits they hold no
    lock; stopped inside one, the next tap waits until they go on."""
    for _ in range(TIMES):
        for name in ("nfc", "sync", "ui"):
            pid, from_s = demo.children()[name], recorded_s(demo.recording)
            taps = [demo.tap_and_see(next(cards))]
            os.kill(pid, signal.SIGSTOP)
            try:
                hear(demo, 0.5)
            finally:
                os.kill(pid, signal.SIGCONT)
            began_s = time.monotonic()
            taps.append(demo.tap_and_see(next(cards)))
            recovery_s = time.monotonic() - began_s
            faults.note(f"SIGSTOP: {name}", acknowledged=taps, found=demo.kept(taps), recovery_s=recovery_s)
            assert longest_silence_s(demo.recording, from_s) < machine.bearable_gap_s


@pytest.mark.timeout(180 + 60 * TIMES)
def test_the_player_dies_and_the_sound_is_back_within_three_seconds(
    demo: RunningDemo, cards: Iterator[int], faults: FaultTable
) -> None:
    for _ in range(TIMES):
        from_s = recorded_s(demo.recording)
        taps = [demo.tap_and_see(next(cards))]
        kill_and_see_it_back(demo, "player")
        taps.append(demo.tap_and_see(next(cards)))
        hear(demo, 5)
        silence_s = longest_silence_s(demo.recording, from_s)
        faults.note("kill -9: player", acknowledged=taps, found=demo.kept(taps), recovery_s=silence_s)
        assert silence_s <= 3.0


def test_a_second_start_on_the_same_folder_is_refused_with_the_pid(demo: RunningDemo, faults: FaultTable) -> None:
    env = {
        "COSOUND_DATA_DIR": str(demo.folder / "box"), "COSOUND_RUNTIME_DIR": str(demo.folder / "run"),
        "COSOUND_UI_PORT": "0", "COSOUND_CONFIG": str(demo.folder / "none.toml"),
    }  # fmt: skip
    pids = demo.children()
    second = {name: start([name], env) for name in ("player", "sync", "nfc", "ui")}
    second["cloud"] = start(["cloud", "serve", "--data", str(demo.folder / "cloud"), "--port", "0"], env)
    for name, process in second.items():
        assert f"pid {pids[name]}" in the_line(process)
        faults.note("second start")
    now = demo.children()  # the crowd's commands come and go beside them
    assert {name: now[name] for name in second} == {name: pids[name] for name in second}, "they are still there"


def test_the_demo_outlives_the_loss_of_its_database(
    demo: RunningDemo, cards: Iterator[int], faults: FaultTable
) -> None:
    """The processes end and are started again, with what the cloud knows; the demo goes on."""
    taps = [demo.tap_and_see(next(cards))]
    kept, pids, from_s = demo.kept(taps), demo.children(), recorded_s(demo.recording)
    for end in ("", "-wal", "-shm"):
        (demo.folder / "box" / f"cosound.db{end}").rename(demo.folder / f"lost{end}")
    demo.wait_for(
        lambda: all(demo.children().get(name) not in (None, pids[name]) for name in BOX), PATIENCE_S, "new processes"
    )
    later = [demo.tap_and_see(next(cards))]
    hear(demo, 2)
    silence_s = longest_silence_s(demo.recording, from_s)
    faults.note(
        "database lost under the demo", acknowledged=taps + later, found=kept + demo.kept(later), recovery_s=silence_s
    )
    assert silence_s <= 3.0


def test_ctrl_c_ends_everything_soon(demo: RunningDemo) -> None:
    """The last test of this module: the demo is gone afterwards."""
    pids = demo.children()
    assert set(pids) >= {"cloud", "sync", "nfc", "ui", "player"}
    demo.process.send_signal(signal.SIGINT)
    took_s = demo.wait_for(lambda: demo.process.poll() is not None, 10, "the end")
    assert took_s <= 4.0  # it promises three; this machine may be busy
    assert demo.process.returncode == 0
    assert not any(is_running(pid) for pid in pids.values())
