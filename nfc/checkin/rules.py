"""What a tap means. Pure: the reader reports a tap, the transaction that stores it asks here."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

STAY_S = 3600.0
MIN_STAY_S = 20.0

Outcome = Literal["in", "out", "stay"]

# Birds of coasts and gardens: short, easy to call across a room, the same in a guest's ear tomorrow.
NAMES = (
    "Avocet", "Bittern", "Blackbird", "Bluetit", "Brambling", "Bullfinch", "Bunting", "Chaffinch", "Chough",
    "Coot", "Cormorant", "Corncrake", "Crane", "Crossbill", "Cuckoo", "Curlew", "Dipper", "Dotterel", "Dove",
    "Dunlin", "Dunnock", "Eider", "Falcon", "Fieldfare", "Finch", "Firecrest", "Fulmar", "Gannet", "Godwit",
    "Goldcrest", "Goldeneye", "Goldfinch", "Goosander", "Goshawk", "Grebe", "Greenfinch", "Guillemot", "Harrier",
    "Heron", "Hobby", "Hoopoe", "Jackdaw", "Jay", "Kestrel", "Kingfisher", "Kite", "Kittiwake", "Lapwing",
    "Lark", "Linnet", "Magpie", "Mallard", "Martin", "Merlin", "Moorhen", "Nightjar", "Nuthatch", "Oriole",
    "Osprey", "Ouzel", "Owl", "Partridge", "Petrel", "Pintail", "Pipit", "Plover", "Puffin", "Quail", "Raven",
    "Redshank", "Redstart", "Redwing", "Robin", "Rook", "Ruff", "Sanderling", "Sandpiper", "Scoter", "Serin",
    "Shelduck", "Shrike", "Siskin", "Skua", "Skylark", "Smew", "Snipe", "Sparrow", "Starling", "Stilt",
    "Stonechat", "Stork", "Swallow", "Swan", "Swift", "Teal", "Tern", "Thrush", "Treecreeper", "Turnstone",
    "Wagtail", "Warbler", "Waxwing", "Wheatear", "Whimbrel", "Whinchat", "Wigeon", "Woodcock", "Woodlark", "Wren",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decision:
    """`in` opens a stay until `expires_s`; `stay` keeps the open one and extends it; `out` ends it."""

    outcome: Outcome
    expires_s: float


def expiry_s(now_s: float, closing_s: float | None = None) -> float:
    """End of a stay that begins or is renewed now: an hour, or closing time if that is sooner."""
    end = now_s + STAY_S
    return end if closing_s is None else min(end, max(closing_s, now_s))


def decide(
    checked_in_s: float | None,
    expires_s: float | None,
    *,
    now_s: float,
    closing_s: float | None = None,
    may_leave: bool = True,
) -> Decision:
    """First tap in, next tap out; a tap within `MIN_STAY_S` of checking in says 'yes, I am here'.

    may_leave: False for a card that only lies there, as after a start of the reader process: nobody held it out.
    checked_in_s, expires_s: of this listener's open stay in this room, or None. All times are seconds on one
    clock, which one is the caller's choice.
    """
    if checked_in_s is None or expires_s is None or expires_s <= now_s:
        return Decision("in", expiry_s(now_s, closing_s))
    if not may_leave or now_s - checked_in_s < MIN_STAY_S:
        return Decision("stay", expiry_s(now_s, closing_s))
    return Decision("out", now_s)


def friendly_name(profile_id: str, taken: frozenset[str] = frozenset()) -> str:
    """A name to greet an anonymous listener by: fixed by the id, with a number when the room has it already."""
    start = int.from_bytes(sha256(profile_id.encode()).digest()[:4], "big") % len(NAMES)
    for step in range(len(NAMES)):
        name = NAMES[(start + step) % len(NAMES)]
        if name not in taken:
            return name
    number = 2
    while f"{NAMES[start]} {number}" in taken:
        number += 1
    return f"{NAMES[start]} {number}"
