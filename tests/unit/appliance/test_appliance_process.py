from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from appliance import process
from appliance.errors import InputError, SetupError, StoreBusy, StoreDamaged
from appliance.process import Stop, main, notify, only_one, run


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "stop_aware_pause", lambda stop: None)


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[str]]]:
    """What systemd heard so far."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

        def heard() -> list[str]:
            messages = []
            try:
                while True:
                    messages.append(ear.recv(100).decode())
            except BlockingIOError:
                return messages

        yield heard


def steps(stop: Stop, *outcomes: Exception | None) -> Callable[[], None]:
    """A step that does as told, one outcome a call, and asks to stop after the last."""
    left = list(outcomes)

    def step() -> None:
        outcome = left.pop(0)
        if not left:
            stop.request()
        if outcome is not None:
            raise outcome

    return step


def test_a_loop_survives_what_will_pass_and_says_it_once(caplog: pytest.LogCaptureFixture) -> None:
    stop, busy = Stop(), StoreBusy("held by another process")
    run("player", steps(stop, busy, busy, None, None, busy, None), stop)
    assert [record.message for record in caplog.records] == [
        "player is down: held by another process", "player is back",
        "player is down: held by another process", "player is back",
    ]  # fmt: skip


def test_a_loop_survives_a_bug_and_logs_its_trace_once(caplog: pytest.LogCaptureFixture) -> None:
    stop = Stop()
    run("player", steps(stop, KeyError("a"), KeyError("a"), None), stop)
    traces = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(traces) == 1
    assert traces[0].exc_info is not None


def test_a_bug_behind_another_trouble_is_not_swallowed(caplog: pytest.LogCaptureFixture) -> None:
    stop = Stop()
    run("player", steps(stop, StoreBusy("held"), KeyError("a"), ValueError("b"), None), stop)
    assert sum(record.levelno == logging.ERROR for record in caplog.records) == 2


def test_a_loop_ends_on_what_a_person_must_change(systemd: Callable[[], list[str]]) -> None:
    stop = Stop()
    with pytest.raises(SetupError, match="no device"):
        run("player", steps(stop, None, SetupError("no device"), None), stop)
    assert systemd() == ["READY=1", "WATCHDOG=1"]


def test_systemd_hears_of_every_step(systemd: Callable[[], list[str]]) -> None:
    stop = Stop()
    run("player", steps(stop, None, StoreBusy("held"), None), stop)
    assert systemd() == ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]


def test_a_loop_that_was_asked_to_stop_before_it_began_takes_no_step() -> None:
    stop = Stop()
    stop.request()
    run("player", steps(stop), stop)


def test_systemd_on_an_abstract_socket_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as ear:
        ear.bind(f"\0cosound-test-{os.getpid()}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@cosound-test-{os.getpid()}")
        notify("READY=1")
        assert ear.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", [None, "", "/nowhere/at/all"])
def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch, address: str | None) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")


def test_signals_ask_to_stop() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    woken: list[None] = []
    try:
        stop = Stop(lambda: woken.append(None)).on_signals()
        signal.raise_signal(signal.SIGTERM)
        assert stop.requested
        assert woken == [None], "a step that waits is not waited for"
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])


# One of each


def test_a_second_one_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    with only_one("player", tmp_path):
        with (
            pytest.raises(SetupError, match=rf"player already runs .* pid {os.getpid()};"),
            only_one("player", tmp_path),
        ):
            pass
        with only_one("sync", tmp_path):
            assert (tmp_path / "player.lock").read_text() == str(os.getpid())
    with only_one("player", tmp_path):
        assert (tmp_path / "player.lock").read_text() == str(os.getpid())


def test_a_second_process_is_refused_too_and_a_killed_one_is_not_in_the_way(tmp_path: Path) -> None:
    hold = (
        "import sys; from pathlib import Path; from appliance.process import only_one\n"
        "with only_one('player', Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(SetupError, match=f"pid {other.pid}"), only_one("player", tmp_path):
            pass
        other.kill()
    with only_one("player", tmp_path):
        pass


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match=r"box\.data_dir"), only_one("player", tmp_path / "file" / "box"):
        pass


# For a person


def test_an_error_of_ours_is_one_line_and_exit_code_two(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(value: int) -> None:
        raise InputError(f"vote of {value}: rate from 1 to 5")

    assert main(refuse, 9) == 2
    assert capsys.readouterr().err == "cosound: vote of 9: rate from 1 to 5\n"
    assert main(lambda: None) == 0


def test_a_damaged_store_ends_the_process_with_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """Not with 2, which says that a person must change something."""
    stop = Stop()
    with pytest.raises(SystemExit) as ended:
        run("player", steps(stop, None, StoreDamaged("cosound.db is damaged"), None), stop)
    assert ended.value.code == 75
    assert [record.message for record in caplog.records] == ["player ends, to be started afresh: cosound.db is damaged"]
    assert caplog.records[0].exc_info is None
