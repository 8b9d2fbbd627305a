"""A headless Chromium, and a screen served for it."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from appliance.errors import SetupError
from appliance.process import Stop
from appliance.ui.app import Server, create_app, listen, server_for, url_of
from appliance.ui.still import StillRoom

if TYPE_CHECKING:
    from playwright.sync_api import Browser

INSTALL = "apt-get install -y --no-install-recommends chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
START_WITHIN_S = 60.0


def chromium() -> str | None:
    """Where Debian's Chromium is, None if it is not installed."""
    return shutil.which("chromium")


@contextmanager
def headless() -> Iterator[Browser]:
    """One browser. Raises SetupError with the line to type when something is missing."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise SetupError("playwright is not installed: pip install -e '.[dev]'") from error
    path = chromium()
    if path is None:
        raise SetupError(f"no Chromium on this machine: {INSTALL}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def served(room: StillRoom) -> Iterator[str]:
    """The screen of this room on a free port, in a thread: its address."""
    stop = Stop()
    with listen(0) as line:
        server = server_for(create_app(room.config, room.clock, stop), stop)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [line]}, name="screen")
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield url_of(line)
        finally:
            stop.request()
            thread.join()


def _wait_until_started(server: Server, thread: threading.Thread) -> None:
    until = time.monotonic() + START_WITHIN_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > until:
            raise SetupError("the screen's server did not start: its log says why")
        time.sleep(0.02)
