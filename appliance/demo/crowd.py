"""A small crowd: who taps when, who rates what, decided by a seed before the first sound."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ml.crowd import Crowd, Listener, World
from ml.tags import TAGS

Deed = Literal["tap", "vote_phone", "vote_screen"]

MIN_STAY_S = 22.0  # a little more than the rules ask, so that a second tap means goodbye
NEWCOMER_UID = "04c05e0d1e57a9"


@dataclass(frozen=True, slots=True)
class Guest:
    """One of the crowd: a card, a login for the phone, and a taste that only their ratings show."""

    name: str
    profile_id: str
    uid_hex: str
    email: str
    password: str
    true_taste: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Cue:
    """One deed of one guest, `at_s` seconds after the first sound."""

    at_s: float
    deed: Deed
    guest: Guest


def guests(seeded: Sequence[dict[str, Any]], world: World | None = None, seed: int = 0) -> list[Guest]:
    """The listeners the cloud was seeded with; each loves what the cloud says, or they are the crowd of a world."""
    crowd = Crowd.of(world, size=len(seeded), seed=seed) if world else None
    return [
        Guest(
            name=person["name"],
            profile_id=person["profile_id"],
            uid_hex=person["uid_hex"],
            email=person["email"],
            password=person["password"],
            true_taste=crowd.listeners[number].true_taste if crowd else _all_of(person["loves"]),
        )
        for number, person in enumerate(seeded)
    ]


def newcomer() -> Guest:
    """Somebody the cloud has never heard of: born on the box by their first tap."""
    return Guest("", "", NEWCOMER_UID, "", "", (0.0,) * len(TAGS))


def script(crowd: Sequence[Guest], seed: int, length_s: float) -> list[Cue]:
    """What happens in `length_s` seconds, in order: a tap every 2.5 s or so, a vote every 4 s.

    Guests come in a shuffled order, stay for at least the rules' minimum, go and come back. The newcomer is
    the fifth to tap.
    """
    rng = random.Random(seed)
    taps = _taps(crowd, rng, length_s)
    return sorted([*taps, *_votes(taps, rng, length_s)], key=lambda cue: cue.at_s)


def rate(guest: Guest, embedding: Sequence[float], rng: np.random.Generator, *, inverted: bool = False) -> int:
    """Their vote for a song, 1 … 5, a little by mood; inverted, they say the opposite of what they feel."""
    vote = Listener(guest.name, guest.true_taste).rate(np.asarray(embedding), rng)
    return 6 - vote if inverted else vote


def strongest(guest: Guest, embeddings: Sequence[Sequence[float]]) -> list[int]:
    """Which of these songs the guest feels most about, for or against: numbers of songs, the strongest first."""
    feeling = np.abs(Listener(guest.name, guest.true_taste).liking(embeddings) - 0.5)
    return [int(number) for number in np.argsort(-feeling, kind="stable")]


def _all_of(tag: str) -> tuple[float, ...]:
    """The taste of somebody who loves one tag and nothing else."""
    return tuple(float(one == tag) for one in TAGS)


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
