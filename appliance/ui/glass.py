"""One page of a browser on a screen, driven through the names (semantics identifiers) the pages give their parts."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import TransientError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Route

log = logging.getLogger(__name__)

PATIENCE_S = 60.0  # on a busy machine; what comes earlier is seen earlier
LOOK_MS = 1000.0
LAST_LOOK_S = 10.0
TOUCHES = 6
HELD_MS = 300  # where pages are read out, the client holds back for 200 ms what may be a double touch
RELOADS = 3
RENDERER_FELL = re.compile("out of bounds|unaligned accesses|unreachable|function signature mismatch")
PAINTS = 12
PIXELS_PER_BYTE = 64  # a PNG of white, or of the client's loading page, is packed tighter than any screen
ANYTHING = "[flt-semantics-identifier]"
SHOWN = """parts => parts.map(part => part.getAttribute("flt-semantics-identifier") + ": "
    + (part.getAttribute("aria-label") || part.textContent).slice(0, 80))"""


class Glass:
    """One page of the browser, showing the screen.

    outside: addresses beyond this machine that the page asked for; all are refused.
    errors: what went wrong in the page itself. fell: how its renderer fell over; the page then loads itself again.
    """

    def __init__(self, browser: Browser, url: str, width: int, height: int) -> None:
        self.outside: list[str] = []
        self.errors: list[str] = []
        self.fell: list[str] = []
        self._white_bytes = width * height // PIXELS_PER_BYTE
        self._context = browser.new_context(viewport={"width": width, "height": height}, has_touch=True)
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(PATIENCE_S * 1000)
        self.page.on("pageerror", lambda error: self._went_wrong(str(error)))
        self.page.on("crash", lambda _page: self._went_wrong("the browser's own process for this page ended"))
        self.page.route("**/*", self._only_here)
        self.page.goto(url)
        self.wake()

    def wake(self) -> None:
        """Switch on the semantics tree, where that is still to be done: after each load of the page."""
        self._wait(self._wakes, "the page draws nothing")

    def part(self, identifier: str) -> Locator:
        return self.page.locator(f'[flt-semantics-identifier="{identifier}"]')

    def shows(self, identifier: str, text: str | re.Pattern[str] = "") -> bool:
        """Is that part there now, and does it say this?"""
        self.wake()
        part = self.part(identifier)
        return self._is(lambda: (part.filter(has_text=text) if text else part).count() > 0)

    def wait_for(self, identifier: str, text: str | re.Pattern[str] = "") -> None:
        """Wait until that part is there and says this."""
        part = self.part(identifier)
        wanted = (part.filter(has_text=text) if text else part).first

        def comes() -> bool:
            wanted.wait_for(state="attached", timeout=LOOK_MS)
            return True

        self._wait(comes, f"{identifier} does not come" + (f" and say {text!r}" if text else ""))

    def wait_called(self, identifier: str, label: str) -> None:
        """Wait until that part, a key, is read out with these words."""
        inside = self.part(identifier).locator(f'[aria-label*="{label}"]')
        named = self.page.locator(f'[flt-semantics-identifier="{identifier}"][aria-label*="{label}"]').or_(inside)
        self._wait(lambda: named.count() > 0, f"{identifier} is not called {label!r}")

    def wait_gone(self, identifier: str) -> None:
        """Wait until that part is not on a page that shows something."""
        part = self.part(identifier)

        def goes() -> bool:
            part.wait_for(state="detached", timeout=LOOK_MS)
            return self.page.locator(ANYTHING).count() > 0

        self._wait(goes, f"{identifier} does not go")

    def press(self, identifier: str, times: int = 1) -> None:
        """Touch the middle of a part."""
        x, y, width, height = self.place(identifier)
        for _ in range(times):
            self.page.mouse.click(x + width / 2, y + height / 2)

    def touch_until(self, touch: Callable[[], None], so: Callable[[], bool], what: str) -> None:
        """Touch until it is so, again and again as a person would who sees that nothing happens."""
        for _ in range(TOUCHES):
            touch()
            if self._within(PATIENCE_S / TOUCHES, so):
                return
        raise AssertionError(self.told(f"touched {TOUCHES} times, but {what}"))

    def press_until(self, identifier: str, so: Callable[[], bool], what: str, times: int = 1) -> None:
        """Touch a part, as soon as it is there and as long as it is, until it is so."""

        def touch() -> None:
            if self.shows(identifier):
                self.press(identifier, times)

        self.place(identifier)
        self.touch_until(touch, so, f"{identifier} leaves {what}")

    def hold_until(self, identifier: str, meanwhile: Callable[[], object], so: Callable[[], bool], what: str) -> None:
        """Touch a part, and let go when `meanwhile` is done; again, as long as it is there, until it is so."""

        def hold() -> None:
            if self.shows(identifier):
                x, y, width, height = self.place(identifier)
                self.page.mouse.move(x + width / 2, y + height / 2)
                self.page.mouse.down()
                self.page.wait_for_timeout(HELD_MS)
                meanwhile()
                self.page.mouse.up()

        self.place(identifier)
        self.touch_until(hold, so, f"{identifier} leaves {what}")

    def open(self, identifier: str, opened: str, text: str | re.Pattern[str] = "") -> None:
        """Touch a part until what it opens is there, and says this."""
        self.press_until(identifier, lambda: self.shows(opened, text), f"{opened} {text} unopened")

    def shut(self, identifier: str, gone: str = "") -> None:
        """Touch a part until `gone` is off the page; it is the part itself if nothing else is named."""
        self.press_until(identifier, lambda: not self.shows(gone or identifier), f"{gone or identifier} there")

    def type_pin(self, digits: str, before: int = 0) -> None:
        """Touch these digits on the PIN pad, after so many, and see a dot for each."""
        for count, digit in enumerate(digits, start=before + 1):
            self.open(f"pin-{digit}", "pin-dots", "•" * count)

    def slide_until(self, identifier: str, position: float, margin: int, so: Callable[[], bool]) -> None:
        """Touch a fader, upright or lying, at 0 … 1 of its way until it is so; `margin` px at its ends are no way."""

        def touch() -> None:
            x, y, width, height = self.place(identifier)
            if height > width:
                self.page.mouse.click(x + width / 2, y + height - margin - position * (height - 2 * margin))
            else:
                self.page.mouse.click(x + margin + position * (width - 2 * margin), y + height / 2)

        self.touch_until(touch, so, f"{identifier} does not follow")

    def place(self, identifier: str) -> tuple[float, float, float, float]:
        """Left, top, width, height in px. A part that is just being redrawn is waited for."""
        found: list[tuple[float, float, float, float]] = []

        def is_placed() -> bool:
            box = self.part(identifier).first.bounding_box(timeout=LOOK_MS)
            if box is not None:
                found.append((box["x"], box["y"], box["width"], box["height"]))
            return box is not None

        self._wait(is_placed, f"{identifier} is not on the screen")
        return found[0]

    def told(self, what: str) -> str:
        """`what`, and what is on the page at this moment: for whoever reads why a test failed."""
        shown = ["(the page does not answer)"]

        def look() -> bool:
            shown[:] = self.page.locator(ANYTHING).evaluate_all(SHOWN)
            return True

        self._is(look)
        wrong = [*self.errors, *self.fell]
        return "\n".join([what, f"went wrong in the page: {wrong or 'nothing'}", "on the page:", *shown])

    def last_look(self, path: Path) -> str:
        """What is told of the page, and a picture of it, when something was not as it should be."""
        path.parent.mkdir(parents=True, exist_ok=True)
        taken = self._is(lambda: bool(self.page.screenshot(path=path, timeout=LAST_LOOK_S * 1000)))
        return self.told(f"a picture of it: {path}" if taken else "no picture could be taken")

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

    def _wait(self, so: Callable[[], bool], otherwise: str) -> None:
        """Look until it is so. A page that is loading itself again meanwhile is no failure, but has to be woken."""
        if not self._within(PATIENCE_S, so):
            raise AssertionError(self.told(f"{otherwise}, within {PATIENCE_S:g} s"))

    def _within(self, seconds: float, so: Callable[[], bool]) -> bool:
        until_s = time.monotonic() + seconds
        while not self._is(so):
            if time.monotonic() > until_s:
                return False
            self._is(self._wakes)
            time.sleep(0.01)
        return True

    def _is(self, so: Callable[[], bool]) -> bool:
        """No, where the page is just away: what it was asked is then an error."""
        from playwright.sync_api import Error as PageIsAway

        try:
            return so()
        except PageIsAway:
            return False

    def _wakes(self) -> bool:
        """Touch the switch of the semantics if it is there; True when they are on."""
        if self.page.locator(ANYTHING).count():
            return True
        switch = self.page.locator("flt-semantics-placeholder")
        if switch.count():
            switch.evaluate(
                "element => element.click()", timeout=LOOK_MS
            )  # it is 1 × 1 px, off the screen: no mouse reaches it
        return False

    def _went_wrong(self, error: str) -> None:
        if RENDERER_FELL.search(error):
            log.warning("the browser's renderer fell over: %s", error)
            self.fell.append(error)
        else:
            self.errors.append(error)

    def _only_here(self, route: Route) -> None:
        url = route.request.url
        if url.startswith(("http://127.0.0.1", "data:", "blob:")):
            route.continue_()
        else:
            self.outside.append(url)
            route.abort()
