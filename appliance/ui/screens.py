"""Pictures of every screen, for people to look at: `python -m appliance.ui.screens build/screens`.

A fixed room, a clock that stands still and meters that do not move: the same code gives the same pictures, but for
a few pixels at the edges of letters and the code to be scanned, which is another each time.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.model import Fader, RuleKind
from appliance.process import main
from appliance.ui import word
from appliance.ui.browser import headless, served
from appliance.ui.glass import Glass
from appliance.ui.languages import texts_for
from appliance.ui.still import PIN, StillRoom, cards, song_id
from appliance.ui.texts import Texts
from mixer.scene import SongId

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SIZES = ((800, 480), (1280, 800))
WHY = "Heron is back, 3 here: the waves come up, the fire goes down"
Shoot = Callable[[str], None]


def take_pictures(folder: Path) -> None:
    """Write one PNG a screen and size into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    logging.getLogger("flet_web.fastapi").setLevel(logging.ERROR)
    with headless() as browser:
        for width, height in SIZES:
            for language in ("en", "fr"):
                _shoot_all(browser, folder, width, height, language)


def _shoot_all(browser: Browser, folder: Path, width: int, height: int, language: str) -> None:
    with tempfile.TemporaryDirectory(prefix="cosound-screens-") as temp:
        room = StillRoom(Path(temp), language)
        with served(room) as url:
            glass = Glass(browser, url, width, height)
            suffix = f"{width}x{height}" + ("" if language == "en" else f"-{language}")

            def shoot(name: str) -> None:
                glass.picture(folder / f"{name}-{suffix}.png")

            _shoot_room(room, glass, shoot)
            _shoot_staff(room, glass, shoot)
            glass.close()
        room.close()


def _shoot_room(room: StillRoom, glass: Glass, shoot: Shoot) -> None:
    """A visit from the first look to the good-bye."""
    room.play(3, "The house mix, until somebody comes in")
    glass.wait_for("playing")
    shoot("1-room-empty")
    texts = texts_of(room)
    room.reader_is("absent")
    glass.wait_for("headline", texts.no_cards)
    shoot("1-room-no-reader")
    room.reader_is("ready")
    glass.wait_for("headline", texts.tap_your_card)
    room.runtime.publish("reader", {})
    first, *others = cards(3)
    room.tap(first)
    glass.wait_for("face-5")
    shoot("2-first-tap")
    for card in others:
        room.tap(card)
    room.play(3, WHY)
    room.pass_time(15)
    glass.wait_for("here", "3")
    shoot("3-room-three-here")
    room.tap(first)
    glass.wait_gone("here")
    shoot("4-good-bye")
    room.pass_time(15)
    glass.wait_for("here", "2")
    room.tap(first)
    glass.wait_for("face-5")
    room.pass_time(2)
    shoot("5-welcome-back-faces")
    room.runtime.publish("sync", {"link": "up", "pending": 0})
    glass.open("keep", "keep-pad")
    for digit, shown in (("0", "0–– –––"), ("4", "04– –––"), ("2", "042 –––"), ("4", "042 4––")):
        glass.open(f"keep-{digit}", "keep-digits", shown)
    shoot("12-keep")
    glass.open("keep-back", "face-4")
    glass.shut("face-4")
    shoot("6-thanks")
    room.pass_time(15)
    glass.wait_for("here", "3")
    room.tap("")
    glass.wait_gone("here")
    shoot("7-phone")
    room.pass_time(15)


def _shoot_staff(room: StillRoom, glass: Glass, shoot: Shoot) -> None:
    """Through the PIN to the mixer, and a quiet moment."""
    glass.open("staff", "pin-pad")
    glass.type_pin("1357")
    glass.open("pin-ok", "pin-message", texts_of(room).pin_wrong)
    glass.type_pin(PIN[:2])
    shoot("8-pin")
    glass.type_pin(PIN[2:], before=2)
    glass.open("pin-ok", "mixer")
    room.play(7, WHY)
    glass.wait_for("strip-7-title", "Night")
    shoot("9-mixer")
    _shoot_words(room, glass, shoot)
    room.play(16, WHY)
    room.store.room.hold_fader(Fader(SongId(song_id(2)), -3.0))
    room.store.room.hold_fader(Fader(SongId(song_id(4)), None, True))
    room.runtime.publish("sync", {"link": "down", "pending": 3})
    room.store.room.set_master(hush=True, gain_db=-6.0)
    glass.wait_for("strip-3-let-go")
    glass.wait_for("mixer-status", "3")
    shoot("10-mixer-hushed")
    room.pass_time(1)
    glass.open("mixer-back", "room")
    shoot("11-room-hushed")


def _shoot_words(room: StillRoom, glass: Glass, shoot: Shoot) -> None:
    """Staff's word on songs: the choices, the answer with its undo, one layer alone, the page of songs."""
    room.queue(14)
    glass.open("strip-1-song", "choose-skip")
    shoot("13-choices")
    glass.open("choose-pin", "line-undo")
    glass.open("strip-1-song", "sheet-told", texts_of(room).pin_stands)
    shoot("13-choices-kept")
    glass.shut("sheet-close", "sheet")
    glass.open("strip-4-song", "choose-skip")
    glass.open("choose-skip", "strip-4-title", texts_of(room).leaving)
    shoot("14-skipped")
    room.pass_time(11)
    glass.wait_gone("line")
    glass.open("strip-3-song", "choose-solo")
    glass.open("choose-solo", "line-solo")
    room.pass_time(18)
    glass.wait_for("line-count", "0:42")
    shoot("15-one-alone")
    glass.shut("line-solo", "line")
    words: tuple[tuple[int, RuleKind], ...] = ((8, "place"), (10, "ban"), (12, "ban"))
    for number, kind in words:
        room.store.room.set_rule(word.rule_of(SongId(song_id(number)), kind, room.clock.wall_s()))
    glass.open("songs", "said-5")
    shoot("16-songs")
    glass.open("coming-2", "choose-place")
    shoot("17-choices-of-what-comes")
    glass.shut("sheet-close", "sheet")
    glass.open("songs-back", "mixer")
    for rule in room.store.room.rules():
        room.store.room.say(rule.song_id, [])


def texts_of(room: StillRoom) -> Texts:
    return texts_for(room.config.box_language)


if __name__ == "__main__":
    sys.exit(main(take_pictures, Path(sys.argv[1] if len(sys.argv) > 1 else "build/screens")))
