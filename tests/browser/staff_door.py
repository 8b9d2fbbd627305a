"""The ways into the staff pages, and out of them. A touch that the page missed is made again, as by a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.ui.still import PIN

if TYPE_CHECKING:
    from conftest import Panel


def go_to_the_room(panel: Panel) -> None:
    """Leave any staff page alone until it closes, and wait until nothing is redrawn any more."""
    panel.room.play(3, "a reason")
    panel.room.pass_time(3700)
    panel.glass.wait_for("playing")


def open_pad(panel: Panel) -> None:
    """From the room to the PIN pad."""
    panel.glass.open("staff", "pin-pad")


def enter(panel: Panel, pin: str) -> None:
    """Type a PIN on an empty pad, and say that this is it."""
    panel.glass.type_pin(pin)
    panel.glass.press_until("pin-ok", lambda: not panel.glass.shows("pin-dots", "•"), "the PIN there")


def open_mixer(panel: Panel) -> None:
    """From the room through the PIN."""
    open_pad(panel)
    enter(panel, PIN)
    panel.glass.wait_for("mixer")
