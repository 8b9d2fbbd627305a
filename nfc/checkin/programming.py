"""What an NTAG 424 DNA must be told, with whatever tool programmes it, so that boxes and cloud believe it."""

from __future__ import annotations

from dataclasses import dataclass, field

from checkin.message import uri_message
from checkin.sun import SunKeys, template

LENGTH_BYTES = 2
META_KEY, FILE_KEY = 1, 2  # the card's own numbers of them; key 0 guards the card itself
# Signing is on, everybody may read, and only who knows key 0 may write; number and counter are said, in letters;
# sealed with key 1, signed with key 2, and the counter is told to nobody.
_BEGIN = bytes.fromhex("4000E0C1FF12")


@dataclass(frozen=True, slots=True)
class Programme:
    """address: with zeros where the chip puts its words. file: what its NDEF file holds. sealed_at, mac_at: where in
    the file its words go. keys: this card's, by the card's own numbers."""

    address: str
    file: bytes
    sealed_at: int
    mac_at: int
    keys: dict[int, bytes] = field(repr=False)

    @property
    def settings(self) -> bytes:
        """For ChangeFileSettings of the NDEF file."""
        return _BEGIN + b"".join(place.to_bytes(3, "little") for place in (self.sealed_at, self.mac_at, self.mac_at))


def programme_of(keys: SunKeys, base: str, uid: bytes) -> Programme:
    address = template(base, keys.version)
    message = uri_message(address)
    file = len(message).to_bytes(LENGTH_BYTES, "big") + message
    own = {0: keys.guard_of_card(uid), META_KEY: keys.meta, FILE_KEY: keys.of_card(uid)}
    return Programme(address, file, file.index(b"&e=") + 3, file.index(b"&c=") + 3, own)


def programme(keys: SunKeys, base: str, uid: bytes) -> list[str]:
    """Lines for the person who does it: the address, this card's keys, and where in its file its words go."""
    made = programme_of(keys, base, uid)
    return [
        f"address: {made.address}",
        *(f"key {number}: {key.hex()}" for number, key in made.keys.items()),
        "SDM: on, UID and counter mirrored and encrypted, no limit; SDMMetaRead key 1, SDMFileRead key 2",
        f"PICCDataOffset: {_offset(made.sealed_at)}",
        f"SDMMACInputOffset: {_offset(made.mac_at)}",
        f"SDMMACOffset: {_offset(made.mac_at)}",
    ]


def _offset(place: int) -> str:
    """As a number, and as the three bytes of ChangeFileSettings."""
    return f"{place} ({place.to_bytes(3, 'little').hex()})"
