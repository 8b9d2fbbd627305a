"""Names for what is made here: nobody else's, and in the order of their making, so that an index of them grows at its
end. Random ones would each wake a page of the card of its own."""

from __future__ import annotations

import os
from uuid import UUID


def new_id(wall_ms: int) -> str:
    """A UUID of version 7: what the wall clock says, then 74 random bits. A clock that is off costs pages, no names."""
    random = int.from_bytes(os.urandom(10), "big")
    when, high, low = wall_ms & 0xFFFF_FFFF_FFFF, random >> 68, random & ((1 << 62) - 1)
    return str(UUID(int=when << 80 | 7 << 76 | high << 64 | 2 << 62 | low))
