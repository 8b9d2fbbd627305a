"""The LED and the buzzer of an ACR122U, by the reader's own command for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checkin.feedback import Answer

# ACS's "bi-color LED and buzzer control": which LED ends up lit (green) and which blinks meanwhile, then
# on and off in tenths of a second, how many times, and 1 = the buzzer sounds while on.
COMMAND = bytes.fromhex("ff0040")
GREEN, BLINK_GREEN, BLINK_RED = 0x0E, 0xAE, 0x5E
LIGHTS: Mapping[Answer, tuple[int, int, int, int]] = {
    "in": (GREEN, 2, 0, 1),
    "out": (BLINK_GREEN, 1, 1, 2),
    "phone": (BLINK_RED, 1, 1, 3),
    "refused": (BLINK_RED, 5, 0, 1),
}
SPARE_S = 0.3


def has_lights(chipset: Any) -> bool:
    """Whether nfcpy's chip is one inside an ACR122U."""
    return hasattr(chipset, "set_buzzer_and_led_to_default")


def show(chipset: Any, answer: Answer) -> None:
    """Light and sound; returns when they are over. Raises what nfcpy raises where the reader does not answer."""
    state, on, off, times = LIGHTS[answer]
    chipset.ccid_xfr_block(COMMAND + bytes([state, 4, on, off, times, 1]), (on + off) * times / 10 + SPARE_S)
