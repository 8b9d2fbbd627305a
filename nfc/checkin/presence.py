"""From sights of tags to taps: a card lying still is one tap."""

from __future__ import annotations

import threading

from checkin.reader import TagRead

ABSENT_AFTER_S = 0.6
COOLDOWN_S = 3.0
LONGEST_MISS_S = 0.25

_Key = tuple[str, bytes]


class Cooldown:
    """The same tag taps once per `seconds`, at whichever reader. Readers share it, each in its thread."""

    def __init__(self, seconds: float = COOLDOWN_S) -> None:
        self._seconds = seconds
        self._tapped_s: dict[_Key, float] = {}
        self._one_at_a_time = threading.Lock()

    def allows(self, key: _Key, now_s: float) -> bool:
        """Whether this is a tap; it is remembered then."""
        with self._one_at_a_time:
            self._tapped_s = {tag: at_s for tag, at_s in self._tapped_s.items() if now_s - at_s < self._seconds}
            if key in self._tapped_s:
                return False
            self._tapped_s[key] = now_s
            return True


class Presence:
    """At most one tap per placing of a tag on one reader; several tags are several people.

    A tag is gone only after `absent_after_s` of observed misses: two misses with a stalled loop between them
    count as `LONGEST_MISS_S` at most, because nobody was looking meanwhile. On top comes the cool-down.
    """

    def __init__(self, absent_after_s: float = ABSENT_AFTER_S, cooldown: Cooldown | None = None) -> None:
        self._absent_after_s = absent_after_s
        self._cooldown = cooldown or Cooldown()
        self._missed_s: dict[_Key, float | None] = {}  # tags that lie there; None = in the last poll
        self._polled_s: float | None = None

    def read(self, tag: TagRead | None, now_s: float) -> TagRead | None:
        """Take one poll's answer; the tag if it is a tap, else None. `now_s` runs on any steady clock."""
        key = None if tag is None else _key(tag)
        self._miss_all_but(key, now_s)
        if key is None:
            return None
        lay_there = key in self._missed_s
        self._missed_s[key] = None
        return tag if not lay_there and self._cooldown.allows(key, now_s) else None

    def _miss_all_but(self, key: _Key | None, now_s: float) -> None:
        gap_s = 0.0 if self._polled_s is None else min(now_s - self._polled_s, LONGEST_MISS_S)
        self._polled_s = now_s
        for other, missed_s in list(self._missed_s.items()):
            if other == key:
                continue
            self._missed_s[other] = 0.0 if missed_s is None else missed_s + gap_s
            if missed_s is not None and missed_s + gap_s >= self._absent_after_s - 1e-6:
                del self._missed_s[other]


def _key(tag: TagRead) -> _Key:
    """All phones are one: theirs is a new number at every field reset, while they still lie there."""
    return ("random", b"") if tag.random_uid else (tag.tech, tag.uid)
