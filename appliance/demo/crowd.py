"""A small crowd: who taps when, who rates what, decided by a seed before the first sound."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Deed = Literal["tap", "vote_phone", "vote_screen"]

MIN_STAY_S = 22.0  # a little more than the rules ask, so that a second tap means goodbye
NEWCOMER_UID = "04c05e0d1e57a9"


@dataclass(frozen=True, slots=True)
class Guest:
    """One of the crowd: a card, a login for the phone, and the tag they love."""

    name: str
    profile_id: str
    uid_hex: str
    email: str
    password: str
    loves: str


@dataclass(frozen=True, slots=True)
class Cue:
    """One deed of one guest, `at_s` seconds after the first sound."""

    at_s: float
    deed: Deed
    guest: Guest


def guests(seeded: Sequence[dict[str, Any]]) -> list[Guest]:
    """The listeners the cloud was seeded with."""
    return [
        Guest(
            name=person["name"],
            profile_id=person["profile_id"],
            uid_hex=person["uid_hex"],
            email=person["email"],
            password=person["password"],
            loves=person["loves"],
        )
        for person in seeded
    ]


def newcomer() -> Guest:
    """Somebody the cloud has never heard of: born on the box by their first tap."""
    return Guest("", "", NEWCOMER_UID, "", "", "")


def script(crowd: Sequence[Guest], seed: int, length_s: float) -> list[Cue]:
    """What happens in `length_s` seconds, in order: a tap every 2.5 s or so, a vote every 4 s.

    Guests come in a shuffled order, stay for at least the rules' minimum, go and come back. The newcomer is
    the fifth to tap.
    """
    rng = random.Random(seed)
    taps = _taps(crowd, rng, length_s)
    return sorted([*taps, *_votes(taps, rng, length_s)], key=lambda cue: cue.at_s)


def rate(guest: Guest, embedding: Sequence[float], tags: Sequence[str], rng: random.Random) -> int:
    """1 … 5 from how much of the song is what the guest loves, with a little mood."""
    length = sum(value * value for value in embedding) ** 0.5
    love = embedding[tags.index(guest.loves)] / length if length and guest.loves in tags else 0.5
    return max(1, min(5, round(1 + 5 * love + rng.uniform(-0.4, 0.4))))


def _taps(crowd: Sequence[Guest], rng: random.Random, length_s: float) -> list[Cue]:
    order = list(crowd)
    rng.shuffle(order)
    order.insert(4, newcomer())
    free_at_s = dict.fromkeys((guest.uid_hex for guest in order), 0.0)
    cues: list[Cue] = []
    at_s = 1.5
    while at_s < length_s - 2:
        guest = next((one for one in order if free_at_s[one.uid_hex] <= at_s), None)
        if guest is not None:
            cues.append(Cue(round(at_s, 2), "tap", guest))
            free_at_s[guest.uid_hex] = at_s + MIN_STAY_S
            order.remove(guest)
            order.append(guest)
        at_s += rng.uniform(1.9, 2.6)
    return cues


def _votes(taps: Sequence[Cue], rng: random.Random, length_s: float) -> list[Cue]:
    """Votes by those who are in, and neither just came nor are about to go: a vote takes a moment to be cast.
    Alternately by phone and on the screen."""
    cues: list[Cue] = []
    at_s = 7.0
    while at_s < length_s - 3:
        here = [guest for guest in _inside(taps, at_s - 2.0) if guest in _inside(taps, at_s + 1.5)]
        if here:
            deed: Deed = "vote_phone" if len(cues) % 2 == 0 else "vote_screen"
            cues.append(Cue(round(at_s, 2), deed, rng.choice(here)))
        at_s += rng.uniform(2.8, 3.6)
    return cues


def _inside(taps: Sequence[Cue], at_s: float) -> list[Guest]:
    """Who has tapped in and not out by then; the nameless newcomer cannot be called on."""
    inside: dict[str, Guest] = {}
    for cue in taps:
        if cue.at_s > at_s:
            break
        if inside.pop(cue.guest.uid_hex, None) is None:
            inside[cue.guest.uid_hex] = cue.guest
    return [guest for guest in inside.values() if guest.name]
