"""The ways into the staff pages, and out of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Panel


def go_to_the_room(panel: Panel) -> None:
    """Leave any staff page alone until it closes, and wait until nothing is redrawn any more."""
    panel.glass.mend()
    panel.room.play(3, "a reason")
    panel.room.pass_time(3700)
    panel.glass.wait_for("playing")


def enter(panel: Panel, pin: str) -> None:
    for digit in pin:
        panel.glass.press(f"pin-{digit}")
    panel.glass.press("pin-ok")
