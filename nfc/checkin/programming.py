"""What an NTAG 424 DNA must be told, with whatever tool programmes it, so that boxes and cloud believe it."""

from __future__ import annotations

from checkin.message import uri_message
from checkin.sun import SunKeys, template

FILE_LENGTH_BYTES = 2


def programme(keys: SunKeys, base: str, uid: bytes) -> list[str]:
    """Lines for the person who does it: the address, this card's keys, and where in its file its words go."""
    address = template(base, keys.version)
    file = bytes(FILE_LENGTH_BYTES) + uri_message(address)
    sealed_at, mac_at = file.index(b"&e=") + 3, file.index(b"&c=") + 3
    return [
        f"address: {address}",
        f"key 1: {keys.meta.hex()}",
        f"key 2: {keys.of_card(uid).hex()}",
        "SDM: on, UID and counter mirrored and encrypted, no limit; SDMMetaRead key 1, SDMFileRead key 2",
        f"PICCDataOffset: {_offset(sealed_at)}",
        f"SDMMACInputOffset: {_offset(mac_at)}",
        f"SDMMACOffset: {_offset(mac_at)}",
    ]


def _offset(place: int) -> str:
    """As a number, and as the three bytes of ChangeFileSettings."""
    return f"{place} ({place.to_bytes(3, 'little').hex()})"
