"""What the writing on a tag means to this box: the room's sticker, a card's own word, a copy of one, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from checkin import sun
from checkin.message import records_of
from checkin.reader import TagRead
from checkin.tokens import card_of


@dataclass(frozen=True, slots=True)
class Nothing:
    """Somebody else's writing, or none."""


@dataclass(frozen=True, slots=True)
class RoomSticker:
    """For phones, nobody's identity."""


@dataclass(frozen=True, slots=True)
class Copied:
    """It was signed for another tag, or by nobody we know."""

    why: str


Meaning = Nothing | RoomSticker | Copied | sun.Proof


@dataclass(frozen=True, slots=True)
class Judge:
    """base: the cloud's address, "" without one: only what points there is ours.

    card_keys: have signed listeners' cards. sun_keys: of cards that sign by themselves.
    """

    base: str
    card_keys: Sequence[bytes] = field(repr=False)
    sun_keys: Sequence[sun.SunKeys] = ()

    def meaning(self, tag: TagRead) -> Meaning:
        """The first address of ours decides; all other writing is none of our business."""
        for record in records_of(tag.ndef) if self.base else ():
            if record.kind == "uri" and record.value.startswith(f"{self.base}/"):
                return self._of(record.value, tag)
        return Nothing()

    def _of(self, address: str, tag: TagRead) -> Meaning:
        if address.startswith(f"{self.base}/r/"):
            return RoomSticker()
        if address.startswith(f"{self.base}/t/"):
            ours = any(card_of(key, address, tag.uid) for key in self.card_keys)
            return Nothing() if ours else Copied("it carries another card's writing")
        if address.startswith(f"{self.base}/t?") and self.sun_keys:
            return self._signed(sun.read(self.sun_keys, address), tag)
        return Nothing()

    def _signed(self, proof: sun.Proof | None, tag: TagRead) -> Meaning:
        """A card may hide its number from whoever passes by; one that shows it must show the one it signs."""
        if proof is None:
            return Copied("no key of checkin.sun_keys has signed what it says")
        if not tag.random_uid and tag.uid != proof.uid:
            return Copied("it says what another card has signed")
        return proof
