"""What compose is told of the songs and of the room, and what it remembers: values, that a test can write down."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from mixer.scene import Kind, Reason, SongId


@dataclass(frozen=True, slots=True)
class Candidate:
    """A ready song as the room sees it now.

    liking: 0 … 1, how well those present are expected to like it (or the house, when nobody is here).
    place: its place in the queue from 1, None when it is not queued.
    duration_s: of the file; an instrumental ends after it.
    placed: staff chose its place.
    called: staff called for it this once: it comes though it has not rested.
    new: the room is still getting to know it: it ranks as if it stood last among those that fit.
    fader_db: staff's hand on its fader, None when nobody holds it.
    solo: staff listen to it alone.
    """

    song_id: SongId
    path: str
    kind: Kind
    liking: float
    duration_s: float
    title: str = ""
    place: int | None = None
    pinned: bool = False
    placed: bool = False
    called: bool = False
    banned: bool = False
    new: bool = False
    fader_db: float | None = None
    muted: bool = False
    solo: bool = False
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What a room bears. Seconds, dB, and counts; `liking_db` is the range that liking spans in level.

    rotate_s: a bed heard for so long has had its turn: another may take its place, and it rests `turn_rest_s`.
    better_by: how much better liked a bed must be to come in as soon as another has stayed for the minimum. By the
    queue's order alone it comes after `queue_stay_s`: what sounds pays for it in the queue, so two beds that are liked
    alike would chase each other.
    soft_db: so far below the best liked of its kind, a layer says that it is soft.
    """

    beds: int = 6
    instrumentals: int = 1
    fade_s: float = 6.0
    gain_fade_s: float = 2.5
    changes_per_minute: int = 4
    minimum_stay_s: float = 20.0
    maximum_stay_s: float = 2400.0
    rotate_s: float = 1200.0
    turn_rest_s: float = 600.0
    better_by: float = 0.05
    queue_stay_s: float = 300.0
    instrumental_rest_s: float = 5400.0
    liking_db: float = 30.0
    floor_db: float = -18.0
    soft_db: float = -9.0
    least_move_db: float = 0.5


@dataclass(frozen=True, slots=True)
class Sounding:
    """A layer as the last composition left it. `since_s` is when its song began here."""

    song_id: SongId
    strip: int
    kind: Kind
    since_s: float
    gain_db: float
    held: bool = False
    muted: bool = False
    duration_s: float = 0.0

    def ends_s(self) -> float:
        return self.since_s + self.duration_s if self.kind == "instrumental" else math.inf


@dataclass(frozen=True, slots=True)
class Memory:
    """What compose must remember from one call to the next.

    changes: when layers were exchanged, within the last minute. rested_since: when a song last left.
    turned_at: when a bed left that had had its turn, while it rests.
    """

    sounding: tuple[Sounding, ...] = ()
    changes: tuple[float, ...] = ()
    rested_since: Mapping[SongId, float] = field(default_factory=dict)
    turned_at: Mapping[SongId, float] = field(default_factory=dict)

    def of(self, kind: Kind) -> list[Sounding]:
        return [layer for layer in self.sounding if layer.kind == kind]
