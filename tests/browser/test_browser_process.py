"""The screen as a process: started, refused, left by half-open clients, ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from appliance.clock import SystemClock
from appliance.runtime import Runtime
from appliance.ui.english import ENGLISH
from appliance.ui.front import UNWANTED
from appliance.ui.glass import Glass
from tests.patience import PATIENCE_S, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.processes

RUN = "import sys; from appliance.cli import main; sys.argv = ['cosound', 'ui']; main()"


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "COSOUND_CONFIG": str(folder / "none.toml"),
        "COSOUND_DATA_DIR": str(folder / "data"),
        "COSOUND_RUNTIME_DIR": str(folder / "run"),
        "COSOUND_UI_PORT": "0",
        **more,
    }


@contextmanager
def screen(folder: Path, **more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and the address it printed."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN],
        env=environment(folder, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("screen: http://127.0.0.1:"), process.communicate()[1]
        yield process, line.split()[1]
    finally:
        process.kill()
        process.communicate()


def refused(folder: Path, **more: str) -> str:
    """Start a screen that must not start; its one line."""
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        env=environment(folder, **more),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def end(process: subprocess.Popen[str], sign: signal.Signals = signal.SIGTERM) -> str:
    """Ask it to end; what it said on standard error."""
    process.send_signal(sign)
    said = process.communicate(timeout=PATIENCE_S)[1]
    assert process.returncode == 0, said
    return said


def open_line(url: str) -> socket.socket:
    """A websocket that never says who it is: the client that once kept such a server from ending."""
    host, port = url.removeprefix("http://").strip("/").split(":")
    line = socket.create_connection((host, int(port)), PATIENCE_S)
    line.sendall(
        f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert b"101" in line.recv(4096)
    return line


def test_it_publishes_where_it_is_and_serves_the_client_without_a_network(tmp_path: Path) -> None:
    with screen(tmp_path) as (process, url):
        assert Runtime(tmp_path / "run").read("ui") == {"url": url, "pid": process.pid}
        page = httpx.get(url)
        assert page.status_code == 200
        assert "gstatic" not in page.text
        assert end(process) == ""


def test_the_client_is_not_isolated_for_then_it_would_draw_in_two_threads_and_fall_over(tmp_path: Path) -> None:
    with screen(tmp_path) as (_process, url):
        for address in (url, f"{url}main.dart.wasm"):
            assert not UNWANTED & {name.lower().encode() for name in httpx.head(address).headers}


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_though_half_open_clients_hang_on_it(tmp_path: Path, sign: signal.Signals) -> None:
    with screen(tmp_path) as (process, url):
        open_line(url).close()
        with open_line(url):
            assert "Traceback" not in end(process, sign)


def test_a_page_elsewhere_cannot_reach_it_by_another_name(tmp_path: Path) -> None:
    with screen(tmp_path) as (_process, url):
        assert httpx.get(url, headers={"Host": "evil.example"}).status_code == 400


def test_a_second_one_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    with screen(tmp_path) as (process, _url):
        assert f"pid {process.pid}" in refused(tmp_path)


def test_after_kill_9_the_next_one_starts(tmp_path: Path) -> None:
    with screen(tmp_path) as (process, _url):
        process.kill()
        process.wait()
        with screen(tmp_path) as (_next, url):
            assert httpx.get(url).status_code == 200


def test_a_port_in_use_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        line = refused(tmp_path, COSOUND_UI_PORT=port)
    assert f"127.0.0.1:{port}" in line
    assert "ui.port" in line


def test_a_data_directory_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a directory")
    assert "data" in refused(tmp_path)


def test_a_database_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data" / "cosound.db").mkdir(parents=True)
    assert "cosound.db" in refused(tmp_path)


def test_a_glass_finds_the_screen_again_after_kill_9(tmp_path: Path, browser: Browser) -> None:
    with screen(tmp_path) as (process, url):
        glass = Glass(browser, url, 800, 480)
        glass.wait_for("headline", ENGLISH.tap_your_card)
        process.kill()
        process.wait()
        with screen(tmp_path, COSOUND_UI_PORT=url.strip("/").rsplit(":", 1)[1]):
            strip = {"song_id": "a", "title": "After the restart", "share": 1.0}
            soon_s = SystemClock().boot_s() + 60
            Runtime(tmp_path / "run").publish("player", {"boot_s": soon_s, "strips": [strip]})
            glass.wait_for("playing", "After the restart")
            glass.close()


def test_a_page_that_fell_over_while_nobody_served_it_waits_until_somebody_does(
    tmp_path: Path, browser: Browser
) -> None:
    with screen(tmp_path) as (process, url):
        glass = Glass(browser, url, 800, 480)
        process.kill()
        process.wait()
        glass.page.evaluate("setTimeout(() => { throw new WebAssembly.RuntimeError('unreachable') })")
        failed: list[str] = []
        glass.page.on("requestfailed", lambda request: failed.append(request.url))
        until(lambda: glass.page.wait_for_timeout(20) or url in failed, "it asks for itself")
        with screen(tmp_path, COSOUND_UI_PORT=url.strip("/").rsplit(":", 1)[1]):
            glass.page.locator("#curtain").wait_for(state="detached", timeout=PATIENCE_S * 1000)
            glass.wait_for("headline", ENGLISH.tap_your_card)
            glass.close()
