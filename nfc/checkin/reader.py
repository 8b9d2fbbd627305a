"""What a reader is, and what it reports. Every kind of reader hides behind `Driver`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from appliance.errors import TransientError
from checkin.feedback import Answer

UID_BYTES = range(4, 11)
FORGET_AFTER_S = 0.5  # half a number, and then nothing: it was torn, and must not begin the next one


@dataclass(frozen=True, slots=True)
class TagRead:
    """One sight of a tag.

    tech: the kind of chip: "nfca", "nfcb", "nfcf", "em125k", "hex", "hid".
    random_uid: a phone's number, new each time it enters the field: nobody's identity.
    ndef: the raw NDEF message, where the driver reads it.
    tap_id: set when a person typed the tap: it is one tap by itself and is not debounced.
    lay_there: the attendant's word for what its first looks saw.
    """

    uid: bytes
    tech: str
    random_uid: bool = False
    ndef: bytes = b""
    tap_id: str = ""
    lay_there: bool = False


class ReaderGone(TransientError):
    """Absent, unplugged, not permitted, or mute: close it, wait, open it again. It says why, and not which reader:
    whoever catches it knows that and says it before."""


class Driver(Protocol):
    """One reader. `open` and `poll` raise ReaderGone and nothing else that is foreseen; `close` never raises."""

    @property
    def where(self) -> str:
        """The reader as the configuration names it, known before it is opened."""

    @property
    def continuous(self) -> bool:
        """True: a poll looks at once and tells presence. False: a poll waits for the one report a tap makes."""

    def plugged(self) -> bool:
        """Whether opening is worth a try now; cheap, touches no device."""

    def open(self) -> str:
        """Take the device; its human name."""

    def poll(self, timeout_s: float) -> TagRead | None:
        """The tag that is there, None when there is none."""

    def close(self) -> None: ...


@runtime_checkable
class Lit(Protocol):
    """A driver whose reader may have a light of its own."""

    def show(self, answer: Answer) -> None:
        """Answer a tap with it, if it has one. The reader may look away meanwhile, for less than a second."""


def is_random_uid(tech: str, uid: bytes) -> bool:
    """ISO 14443-3: four bytes that begin with 08 are drawn anew at every field reset."""
    return tech == "nfca" and len(uid) == 4 and uid[0] == 0x08


def uid_fault(uid: bytes) -> str | None:
    """Why these bytes cannot be a card's number, None when they can. Never repeats them."""
    if not uid:
        return "it is empty"
    if len(uid) not in UID_BYTES:
        return f"it has {len(uid)} bytes; cards have {UID_BYTES[0]} to {UID_BYTES[-1]}"
    if not any(uid):
        return "it is all zeros, which is a misread"
    return None
