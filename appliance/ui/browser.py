"""A headless Chromium on a screen, driven through the names (semantics identifiers) the pages give their parts."""

from __future__ import annotations

import logging
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import SetupError, TransientError
from appliance.process import Stop
from appliance.ui.app import Server, create_app, listen, server_for, url_of
from appliance.ui.still import StillRoom

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Route

log = logging.getLogger(__name__)

INSTALL = "apt-get install -y --no-install-recommends chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE_MS = 60_000  # on a busy machine; what comes earlier is seen earlier
START_WITHIN_S = 60.0
REDRAWS = 200
RELOADS = 3
TOUCHES = 6
RENDERER_FELL = "memory access out of bounds"  # what it says of itself
PAINTS = 12
PIXELS_PER_BYTE = 64  # a PNG of white, or of the client's loading page, is packed tighter than any screen


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


class Glass:
    """One page of the browser, showing the screen.

    outside: addresses beyond this machine that the page asked for; all are refused.
    errors: what went wrong in the page itself.
    """

    def __init__(self, browser: Browser, url: str, width: int, height: int) -> None:
        self.outside: list[str] = []
        self.errors: list[str] = []
        self._white_bytes = width * height // PIXELS_PER_BYTE
        self._context = browser.new_context(viewport={"width": width, "height": height}, has_touch=True)
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.route("**/*", self._only_here)
        self.page.goto(url)
        self.wake()

    def wake(self) -> None:
        """Switch on the semantics tree: after loading and after each reload."""
        switch = self.page.locator("flt-semantics-placeholder")
        switch.wait_for(state="attached")
        switch.evaluate("element => element.click()")  # it is 1 × 1 px, off the screen: no mouse reaches it
        self.page.locator("[flt-semantics-identifier]").first.wait_for(state="attached")

    def part(self, identifier: str) -> Locator:
        return self.page.locator(f'[flt-semantics-identifier="{identifier}"]')

    def wait_for(self, identifier: str, text: str | re.Pattern[str] = "") -> None:
        """Wait until that part is there and says this."""
        part = self.part(identifier)
        (part.filter(has_text=text) if text else part).first.wait_for(state="attached")

    def wait_gone(self, identifier: str) -> None:
        self.part(identifier).wait_for(state="detached")

    def press(self, identifier: str) -> None:
        """Touch the middle of a part."""
        x, y, width, height = self.place(identifier)
        self.page.mouse.click(x + width / 2, y + height / 2)

    def open(self, identifier: str, opened: str) -> None:
        """Touch a part until what it opens is there, as a person would: a page that is just changing takes no touch."""
        from playwright.sync_api import TimeoutError as TookTooLong

        for _ in range(TOUCHES):
            self.mend()
            if self.part(identifier).count():
                self.press(identifier)
            try:
                self.part(opened).first.wait_for(state="attached", timeout=PATIENCE_MS / TOUCHES)
            except TookTooLong:
                continue
            return
        raise AssertionError(f"{opened} does not open, {identifier} was touched {TOUCHES} times")

    def mend(self) -> None:
        """Load the page again where the browser's own renderer fell over: it finds its place by itself."""
        if any(RENDERER_FELL in error for error in self.errors):
            log.warning("the browser's renderer fell over: loading the page again")
            self.errors[:] = [error for error in self.errors if RENDERER_FELL not in error]
            self.page.reload()
            self.wake()

    def slide(self, identifier: str, position: float, margin: int) -> None:
        """Touch an upright fader at 0 … 1 of its way; `margin` px at both ends are the thumb's."""
        x, y, width, height = self.place(identifier)
        way = height - 2 * margin
        self.page.mouse.click(x + width / 2, y + height - margin - position * way)

    def place(self, identifier: str) -> tuple[float, float, float, float]:
        """Left, top, width, height in px. A part that is just being redrawn is waited for."""
        for _ in range(REDRAWS):
            self.wait_for(identifier)
            box = self.part(identifier).first.bounding_box()
            if box is not None:
                return box["x"], box["y"], box["width"], box["height"]
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{identifier} is not on the screen")

    def picture(self, path: Path) -> None:
        """Save what is on the glass."""
        path.write_bytes(self.painted())

    def painted(self) -> bytes:
        """What is on the glass. A page that stays white is loaded again: it finds its place by itself."""
        for _ in range(RELOADS):
            shot = self._painted()
            if shot is not None:
                return shot
            log.warning("the browser painted nothing: loading the page again")
            self.page.reload()
            self.wake()
        raise TransientError("the browser paints nothing, no picture was taken: try again on a calmer machine")

    def _painted(self) -> bytes | None:
        """The picture once there is more on it than white; painting comes after the semantics, by up to a second."""
        for _ in range(PAINTS):
            self.page.wait_for_timeout(400)  # ink and the last frame
            shot = self.page.screenshot()
            if len(shot) > self._white_bytes:
                return shot
        return None

    def close(self) -> None:
        self._context.close()

    def _only_here(self, route: Route) -> None:
        url = route.request.url
        if url.startswith(("http://127.0.0.1", "data:", "blob:")):
            route.continue_()
        else:
            self.outside.append(url)
            route.abort()
