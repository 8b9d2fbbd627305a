"""What the writing on a tag means to this box: it is the room's sticker, a copy of somebody's card, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from checkin.message import records_of
from checkin.reader import TagRead
from checkin.tokens import card_of

Meaning = Literal["nothing", "room", "copy"]


@dataclass(frozen=True, slots=True)
class Judge:
    """base: the cloud's address, "" without one: only what points there is ours. card_key: signs listeners' cards."""

    base: str
    card_key: bytes

    def meaning(self, tag: TagRead) -> Meaning:
        """A room's sticker is for phones, nobody's identity. A card's address is signed for one number: on a tag
        with another it was copied there. All other writing is none of our business."""
        addresses = [record.value for record in records_of(tag.ndef) if record.kind == "uri"] if self.base else []
        for address in addresses:
            if address.startswith(f"{self.base}/r/"):
                return "room"
            if address.startswith(f"{self.base}/t/") and card_of(self.card_key, address, tag.uid) is None:
                return "copy"
        return "nothing"
