"""Why a song may sound, as data: each term that speaks for it, and what speaks against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from appliance.model import NEUTRAL, Rule, Song
from appliance.wishes import Wish
from mixer.scene import Reason
from ml.collective import has_wishes
from ml.ranking import penalty_of
from ml.taste import Rule as TasteRule
from ml.taste import liking, liking_weights
from ml.why import dominant_tag, told_share

LIKES = 0.6  # expected liking from which a person counts as one who likes it
LEAST_PENALTY = 0.005  # a play this long ago (14 hours) no longer counts

Reasons = tuple[Reason, ...]


def reasons_for(songs: Sequence[Song], wish: Wish, rules: Sequence[Rule], taste_rule: TasteRule) -> list[Reasons]:
    """For each song: staff's place for it, and how many of those present are expected to like which of its tags.

    Pins, hands on faders and what is new are told by whoever decides on them, the mixer.
    """
    placed = {rule.song_id: rule.place or 1 for rule in rules if rule.kind == "place"}
    fans, wanted = _fans(songs, wish, taste_rule), has_wishes(wish.people, taste_rule)
    return [
        (
            *((Reason("place", {"place": placed[song.id]}),) if song.id in placed else ()),
            _of_taste(song, fans[row], len(wish.people), wanted),
        )
        for row, song in enumerate(songs)
    ]


@dataclass(slots=True)
class Costs:
    """What each layer's last play cost it when it came in, for as long as it sounds."""

    _of_song: dict[str, Reasons] = field(default_factory=dict)

    def of(self, sounding: Sequence[str], hours_since_play: Callable[[], Mapping[str, float]]) -> dict[str, Reasons]:
        """By song; empty where its last play is too long ago. Asks for the plays only when a song has come."""
        if any(song not in self._of_song for song in sounding):
            hours = hours_since_play()
            self._of_song = {song: _cost(hours.get(song)) for song in sounding} | self._of_song
        self._of_song = {song: self._of_song[song] for song in sounding}
        return dict(self._of_song)


def _cost(hours: float | None) -> Reasons:
    penalty = 0.0 if hours is None else penalty_of(hours)
    if hours is None or penalty < LEAST_PENALTY:
        return ()
    return (Reason("penalty", {"penalty": round(penalty, 3), "hours": round(hours, 1)}),)


def _fans(songs: Sequence[Song], wish: Wish, taste_rule: TasteRule) -> list[int]:
    """How many of those present are expected to like each song."""
    if not (wish.people and songs):
        return [0] * len(songs)
    weights = liking_weights([person.taste for person in wish.people], taste_rule, wish.crowd)
    likes = liking(weights, np.array([song.embedding for song in songs])) >= LIKES
    return [int(fans) for fans in likes.sum(axis=0)]


def _of_taste(song: Song, fans: int, people: int, wanted: bool) -> Reason:
    if song.kind == "instrumental":
        return Reason("instrumental")
    if not wanted:
        return Reason("house")
    if song.embedding == NEUTRAL:
        return Reason("rotation")
    if not fans:
        return Reason("near")
    detail: dict[str, float | int | str] = {"tag": dominant_tag(song.embedding), "people": people}
    share = told_share(fans, people)
    return Reason("taste", detail if share is None else {**detail, "share": share})
