"""From a finger on the glass to what it asked for on the page, in a headless Chromium without a GPU."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from appliance.errors import SetupError
from appliance.ui.browser import headless, served
from appliance.ui.glass import Glass
from appliance.ui.still import PIN, StillRoom
from benchmarks.processes import p95
from benchmarks.row import Row, missing

TOUCH_GOAL_MS = 200.0
METERS_S = 0.1
# When a touch began, and a promise of how long after it a part came or went. (Playwright would call a function.)
WATCH = """
let touchedMs = 0;
addEventListener("pointerdown", () => { touchedMs = performance.now(); }, true);
window.watch = (part, wanted) => new Promise(told => {
  touchedMs = 0;
  const watcher = new MutationObserver(() => {
    const there = document.querySelector(`[flt-semantics-identifier="${part}"]`) !== null;
    if (!touchedMs || there !== wanted) return;
    watcher.disconnect();
    told(performance.now() - touchedMs);
  });
  watcher.observe(document.documentElement, {childList: true, subtree: true, attributes: true});
});
0
"""


@dataclass
class Touches:
    """How long each took, in ms."""

    shown: list[float] = field(default_factory=list)
    stored: list[float] = field(default_factory=list)


def rows(*, quick: bool) -> list[Row]:
    """The mixer page, sixteen layers sounding, its meters moving: the worst page for a touch."""
    touched = Touches()
    opened_s: list[float] = []
    try:
        with TemporaryDirectory(prefix="cosound-screen-") as temp:
            _measure(Path(temp), touched, opened_s, 10 if quick else 50)
    except SetupError as error:
        return [missing("screen.touch", "touch → part on the page", "ms", str(error))]
    return [
        _row("screen.touch.shown_p95_ms", "touch on a strip → its choices on the page, p95", touched.shown),
        _row("screen.touch.stored_p95_ms", "touch on mute → stored, and on the page, p95", touched.stored),
        Row("screen.open_s", "page asked for → its parts there, median", median(opened_s), "s"),
    ]


def _row(row_id: str, name: str, took_ms: list[float]) -> Row:
    note = f"median {median(took_ms):.0f}, longest {max(took_ms):.0f} of {len(took_ms)}; painting comes after"
    return Row(row_id, name, p95(took_ms), "ms", goal=TOUCH_GOAL_MS, note=note)


def _measure(folder: Path, touched: Touches, opened_s: list[float], times: int) -> None:
    dice = random.Random(8)
    room = StillRoom(folder)
    room.play(16, "a reason")
    with headless() as browser, served(room) as url:
        for _ in range(3):
            began_s = time.monotonic()
            glass = Glass(browser, url, 800, 480)
            opened_s.append(time.monotonic() - began_s)
            glass.close()
        glass = Glass(browser, url, 800, 480)
        glass.open("staff", "pin-pad")
        glass.type_pin(PIN)
        glass.open("pin-ok", "mixer")
        glass.page.evaluate(WATCH)
        with _meters_moving(room):
            for _ in range(times):
                touched.shown.append(_took_ms(glass, dice, "strip-3-song", "sheet", there=True))
                touched.shown.append(_took_ms(glass, dice, "sheet-close", "sheet", there=False))
                touched.stored.append(_took_ms(glass, dice, "strip-2-mute", "strip-2-let-go", there=True))
                touched.stored.append(_took_ms(glass, dice, "strip-2-mute", "strip-2-let-go", there=False))
    room.close()


def _took_ms(glass: Glass, dice: random.Random, key: str, part: str, *, there: bool) -> float:
    """One touch at any moment of a tick."""
    glass.page.wait_for_timeout(dice.uniform(50, 250))
    glass.page.evaluate("([part, there]) => { window.watched = watch(part, there); }", [part, there])
    glass.press(key)
    took_ms: float = glass.page.evaluate("watched")
    return took_ms


@contextmanager
def _meters_moving(room: StillRoom) -> Iterator[None]:
    dice, ended = random.Random(9), threading.Event()

    def move() -> None:
        while not ended.wait(METERS_S):
            playing = room.runtime.read("player")
            for strip in playing["strips"]:
                strip["peak"] = dice.random()
            room.runtime.publish("player", playing)

    mover = threading.Thread(target=move, name="meters")
    mover.start()
    try:
        yield
    finally:
        ended.set()
        mover.join()
