"""What those present want of the songs that are ready: their tastes, what they missed lately, and how fast a room
may turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from appliance.audience import present_people
from appliance.config import Config
from appliance.model import Presence, Song, Vector
from appliance.store import Store
from ml.collective import Policy, Present, room_scores, room_vector
from ml.errors import VectorError
from ml.pace import Pace
from ml.prior import Prior
from ml.tags import as_vector
from ml.taste import Rule
from ml.unmet import UnmetMemory

HOUSE: Vector = (0.5, 0.6, 0.1, 0.4, 0.4)  # a quiet afternoon by the sea, with a fire in the next room
CROWD = "taste.prior"  # the room's pooled votes, as the cloud keeps them


@dataclass(frozen=True, slots=True)
class Wish:
    """One look: the people as they count, and what they want. `likings` (0 … 1) are those to act by now, by song."""

    people: tuple[Present, ...]
    house: Vector
    crowd: Prior | None
    direction: Vector
    likings: Mapping[str, float]


@dataclass(slots=True)
class Wishes:
    """Reads the wish of the room; remembers whom it owes something, and how far it has turned lately."""

    store: Store
    config: Config
    _unmet: UnmetMemory = field(default_factory=UnmetMemory)
    _pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        self._pace = Pace(self.config.taste_change_per_minute)

    def recall(self, people: Sequence[Present]) -> None:
        """Go on with what is owed to these, as after a restart."""
        self._unmet.recall(people, self.store.clock.boot_s())

    def read(
        self, presences: Sequence[Presence], songs: Sequence[Song], heard: Mapping[str, float], *, tapped: bool
    ) -> Wish:
        """`heard`: the energy of each song that has sounded since the last look; tapped: somebody just came or left."""
        house, crowd, now_s = self._house(), self._crowd(), self.store.clock.boot_s()
        embeddings = [song.embedding for song in songs]
        audible = [heard.get(song.id, 0.0) for song in songs]
        self._unmet.hear(self._people(presences), embeddings, audible, now_s, rule=self.rule, prior=crowd)
        people = self._people(presences)
        room: Any = {"rule": self.rule, "policy": self.policy, "min_group": self.config.taste_min_group, "prior": crowd}
        wanted = room_scores(people, embeddings, house, **room).tolist()
        likings = dict(zip([song.id for song in songs], wanted, strict=True))
        return Wish(
            people=tuple(people),
            house=house,
            crowd=crowd,
            direction=_vector(room_vector(people, house, **room).tolist()),
            likings=self._pace.towards(likings, now_s, tapped=tapped),
        )

    @property
    def rule(self) -> Rule:
        return cast(Rule, self.config.taste_rule)

    @property
    def policy(self) -> Policy:
        return cast(Policy, self.config.taste_policy)

    def _people(self, presences: Sequence[Presence]) -> list[Present]:
        return present_people(presences, self._unmet.of)

    def _house(self) -> Vector:
        """What an empty room plays: the room's own setting, or the house of every box."""
        try:
            house = _vector(as_vector(self.store.room.setting("house_taste") or ()).tolist())
        except VectorError:
            return HOUSE
        return house if any(house) else HOUSE

    def _crowd(self) -> Prior | None:
        """What the votes of this room add up to, or None when there are none or they cannot be read."""
        try:
            return Prior.from_dict(self.store.room.setting(CROWD))
        except VectorError:
            return None


def _vector(numbers: Sequence[float]) -> Vector:
    rain, sea, thunder, wind, fire = numbers
    return rain, sea, thunder, wind, fire
