"""A card's number as a person types it, and the sentence a person reads after a tap."""

from __future__ import annotations

from appliance.errors import InputError
from appliance.model import TapResult
from checkin.reader import uid_fault

DEMO_CARD = bytes.fromhex("04c05042d5e100")

USE_INSTEAD = "a phone's number changes every time: use the sticker or a card"


def parse_uid(text: str) -> bytes:
    """Hexadecimal digits, with or without `:` or spaces between bytes. Raises InputError saying what is wrong."""
    digits = text.replace(":", "").replace(" ", "")
    try:
        uid = bytes.fromhex(digits)
    except ValueError:
        raise InputError("a card's number is hexadecimal digits, two a byte, as in 04a1b2c3d4e5f6") from None
    fault = uid_fault(uid)
    if fault:
        raise InputError(f"this cannot be a card's number: {fault}")
    return uid


def say(result: TapResult) -> str:
    """What happened, in a few words."""
    if result.outcome == "again":
        return "this card signs what it says, and that was not heard: hold it still on the reader"
    if result.listener is None:
        return USE_INSTEAD
    name = result.listener.display_name
    if result.outcome == "in":
        return f"{name} is here ({result.here} in the room)"
    return f"{name} stays" if result.outcome == "stay" else f"{name} has gone"
