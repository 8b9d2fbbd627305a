"""Every word the screen says, by name; each language fills them in. And the letters it can draw."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

# The client's own font draws these (looked at, one by one where a range has gaps). Anything else would be an empty
# box, and the client would ask for a font that is not there at each redraw.
_DRAWN = (
    (0x20, 0x7E), (0xA0, 0x17F), (0x1A0, 0x1A1), (0x1AF, 0x1B0), (0x1FA, 0x1FF), (0x218, 0x21B), (0x384, 0x3CE),
    (0x400, 0x481), (0x48A, 0x507), (0x1EA0, 0x1EF9), (0x2013, 0x2014), (0x2018, 0x201E), (0x2020, 0x2022),
)  # fmt: skip
_DRAWN_TOO = frozenset("…‰‹›⁄€™−≈≤≥")
_INSTEAD = str.maketrans("→←↑↓‐‑‒―\n\t", "›‹+−--–—  ")


@lru_cache(maxsize=256)
def drawable(text: str) -> str:
    """The text in letters the screen can draw; what it cannot is left out."""
    plain = unicodedata.normalize("NFC", text).translate(_INSTEAD)
    return " ".join("".join(letter for letter in plain if _is_drawn(letter)).split())


def _is_drawn(letter: str) -> bool:
    return letter in _DRAWN_TOO or any(low <= ord(letter) <= high for low, high in _DRAWN)


@dataclass(frozen=True, slots=True)
class Texts:
    """One language. `{name}`, `{count}` and the like are filled in with `format`."""

    tap_your_card: str
    tap_explained: str
    tap_to_join: str
    now_playing: str
    here_one: str
    here_many: str
    here_more: str
    untitled: str
    nothing_playing: str
    screen_starting: str
    sound_starting: str
    sound_muted: str
    sound_hushed: str
    sound_alone: str
    reader_away: str
    no_cards: str
    no_cards_detail: str
    no_way_in: str
    no_way_in_detail: str
    welcome_back: str
    welcome_new: str
    still_here: str
    new_explained: str
    mix_follows: str
    rate_this: str
    goodbye: str
    goodbye_detail: str
    phone: str
    phone_detail: str
    card_refused: str
    card_refused_detail: str
    tap_lost: str
    tap_lost_detail: str
    cards_only: str
    cards_only_detail: str
    once_more: str
    once_more_detail: str
    thanks: str
    thanks_liked: str
    thanks_neutral: str
    thanks_disliked: str
    faces: tuple[str, str, str, str, str]
    tap_first: str
    staff: str
    back: str
    enter_pin: str
    pin_ok: str
    pin_clear: str
    pin_wrong: str
    pin_tries: str
    pin_wait: str
    master: str
    mute_all: str
    unmute_all: str
    hush: str
    hush_off: str
    held: str
    let_go: str
    let_go_all: str
    strip: str
    fader: str
    mute: str
    unmute: str
    off: str
    empty_strips: str
    link_up: str
    link_down: str
    link_none: str
    waiting: str
    dropouts: str
    not_stored: str
    nothing_stored: str
    keep: str
    keep_title: str
    keep_scan: str
    keep_type: str
    keep_asking: str
    keep_done: str
    keep_wrong: str
    keep_other: str
    keep_needs_cloud: str
    keep_enough: str
    songs: str
    songs_hint: str
    coming_next: str
    nothing_next: str
    not_here_yet: str
    set_by_staff: str
    nothing_set: str
    choices: str
    close: str
    soundscape: str
    instrumental: str
    leaving: str
    time_left: str
    word_left: str
    solo: str
    solo_hint: str
    solo_end: str
    solo_on: str
    pin: str
    pin_hint: str
    pin_hint_piece: str
    pin_said: str
    pin_stands: str
    pin_lift: str
    skip: str
    skip_hint: str
    skip_said: str
    skip_stands: str
    skip_lift: str
    ban: str
    ban_hint: str
    ban_said: str
    ban_stands: str
    ban_lift: str
    place: str
    place_hint: str
    place_said: str
    place_stands: str
    place_lift: str
    lift_hint: str
    lifted_said: str
    undo: str
    undone: str
