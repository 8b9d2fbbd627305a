"""Which songs sound next, how loud, on which strip, and why: pure, deterministic, under a change budget.

The queue says who is best next; this decides when they may come. What sounds stays a while, keeps its strip,
and follows the room's liking by its gain at once; exchanging layers is rationed, so a room is led, not shaken.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mixer.scene import STRIPS, Kind, Layer, Reason, Scene, SongId

# Beds sit around the listener, instrumentals in front: pan by strip, the same in every room.
_BED_PAN = (0.0, -0.45, 0.45, -0.2, 0.2, -0.6, 0.6, -0.3, 0.3, -0.1, 0.1, -0.5, 0.5, -0.4, 0.4, 0.0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A ready song as the room sees it now.

    liking: 0 … 1, how well those present are expected to like it (or the house, when nobody is here).
    place: its place in the queue from 1, None when it is not queued.
    duration_s: of the file; an instrumental ends after it.
    placed: staff chose its place.
    new: the room is still getting to know it: it ranks as if it stood last among those that fit.
    fader_db: staff's hand on its fader, None when nobody holds it.
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
    banned: bool = False
    new: bool = False
    fader_db: float | None = None
    muted: bool = False
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
    """What compose must remember from one call to the next; a value, so a test can write one down.

    changes: when layers were exchanged, within the last minute. rested_since: when a song last left.
    turned_at: when a bed left that had had its turn, while it rests.
    """

    sounding: tuple[Sounding, ...] = ()
    changes: tuple[float, ...] = ()
    rested_since: Mapping[SongId, float] = field(default_factory=dict)
    turned_at: Mapping[SongId, float] = field(default_factory=dict)

    def of(self, kind: Kind) -> list[Sounding]:
        return [layer for layer in self.sounding if layer.kind == kind]


def compose(candidates: Sequence[Candidate], memory: Memory, limits: Limits, now_s: float) -> tuple[Scene, Memory]:
    """The scene for now, and the memory for next time.

    now_s: seconds on a clock that never goes back. The same arguments give the same scene.
    """
    known = {candidate.song_id: _sane(candidate, limits) for candidate in candidates if not candidate.banned}
    past = _still_sounding(memory, known, now_s)
    budget = _Budget(past.changes, limits, now_s)
    beds = _beds(known, past, limits, budget, now_s)[:STRIPS]
    chosen = [*beds, *_instrumentals(known, past, limits, now_s, STRIPS - len(beds))]
    gains = _gains([known[song] for song in chosen], limits)
    free = _free_strips(chosen, past, memory)
    sounding = _seat(chosen, known, gains, past, limits, free, now_s)
    soft = _soft(gains, known, limits)
    layers = tuple(_layer(seat, known[seat.song_id], past, limits, soft) for seat in sounding)
    left = [layer for layer in past.sounding if layer.song_id not in chosen]
    after = Memory(sounding, budget.spent(), _rested(past, left, now_s), _turned(past, left, limits, now_s))
    return Scene(layers, release_s=limits.fade_s), after


def _sane(candidate: Candidate, limits: Limits) -> Candidate:
    """Numbers that are none count as none. An instrumental keeps its place for the minimum stay, however short its
    file: the mix must not turn over every second because somebody uploaded a ding."""
    fader_db = candidate.fader_db
    return replace(
        candidate,
        liking=candidate.liking if math.isfinite(candidate.liking) else 0.0,
        duration_s=max(limits.minimum_stay_s, candidate.duration_s),  # this way round for NaN
        fader_db=None if fader_db is None or not math.isfinite(fader_db) else fader_db,
    )


def _still_sounding(memory: Memory, known: Mapping[SongId, Candidate], now_s: float) -> Memory:
    """Without instrumentals whose file ran out and songs that became another kind: chosen again, they begin anew."""
    left = {layer.song_id: min(layer.ends_s(), now_s) for layer in memory.sounding if _is_over(layer, known, now_s)}
    sounding = tuple(layer for layer in memory.sounding if layer.song_id not in left)
    return replace(memory, sounding=sounding, rested_since={**memory.rested_since, **left})


def _is_over(layer: Sounding, known: Mapping[SongId, Candidate], now_s: float) -> bool:
    candidate = known.get(layer.song_id)
    return layer.ends_s() <= now_s or (candidate is not None and candidate.kind != layer.kind)


class _Budget:
    """How many layers may still be exchanged this minute."""

    def __init__(self, changes: Iterable[float], limits: Limits, now_s: float) -> None:
        self._changes = [at for at in changes if now_s - at < 60]
        self._limit = limits.changes_per_minute
        self._now_s = now_s

    def left(self) -> bool:
        return len(self._changes) < self._limit

    def spend(self) -> None:
        self._changes.append(self._now_s)

    def spent(self) -> tuple[float, ...]:
        return tuple(self._changes)


def _beds(
    known: Mapping[SongId, Candidate], memory: Memory, limits: Limits, budget: _Budget, now_s: float
) -> list[SongId]:
    """Empty places are filled at once; only exchanges are rationed."""
    ranked = _ranked(known.values(), "soundscape", limits)
    staying = [layer for layer in memory.of("soundscape") if layer.song_id in known]
    chosen = [layer.song_id for layer in staying]
    _pin(chosen, ranked, limits)
    resting = {song for song, at in memory.turned_at.items() if now_s - at < limits.turn_rest_s}
    waiting = [candidate for candidate in ranked if candidate.song_id not in chosen]
    waiting.sort(key=lambda candidate: candidate.song_id in resting)
    while waiting and len(chosen) < limits.beds:
        chosen.append(waiting.pop(0).song_id)
    for leaving in _most_replaceable(staying, known, limits, now_s):
        if not (waiting and budget.left()):
            break
        if leaving.song_id in chosen and _may_replace(leaving, waiting[0], known, resting, limits, now_s):
            chosen[chosen.index(leaving.song_id)] = waiting.pop(0).song_id
            budget.spend()
    return chosen[: limits.beds]


def _ranked(candidates: Iterable[Candidate], kind: Kind, limits: Limits) -> list[Candidate]:
    """Pins first, then the queue's order, then by liking for those not queued."""

    def rank(candidate: Candidate) -> tuple[bool, float, float, str]:
        return (not candidate.pinned, _place(candidate, limits), -candidate.liking, candidate.song_id)

    return sorted((candidate for candidate in candidates if candidate.kind == kind), key=rank)


def _place(candidate: Candidate, limits: Limits) -> float:
    """Its place in the queue, infinite when it has none."""
    place = math.inf if candidate.place is None else candidate.place
    return min(place, limits.beds - 0.5) if candidate.new else place


def _pin(chosen: list[SongId], ranked: Sequence[Candidate], limits: Limits) -> None:
    """Staff's pins come in at once, outside the budget, in place of the lowest of the others; a layer that staff
    holds goes last."""
    for pin in [candidate for candidate in ranked if candidate.pinned and candidate.song_id not in chosen]:
        if len(chosen) >= limits.beds:
            loose = [other for other in reversed(ranked) if other.song_id in chosen and not other.pinned]
            if not loose:
                return
            chosen.remove(min(loose, key=lambda other: other.fader_db is not None).song_id)
        chosen.insert(0, pin.song_id)


def _most_replaceable(
    staying: Iterable[Sounding], known: Mapping[SongId, Candidate], limits: Limits, now_s: float
) -> list[Sounding]:
    """Those that have overstayed first, then those the queue dropped, then the lowest in it."""

    def order(layer: Sounding) -> tuple[bool, float, float]:
        candidate = known[layer.song_id]
        overstayed = now_s - layer.since_s >= limits.maximum_stay_s
        return (not overstayed, -_place(candidate, limits), layer.since_s)

    return sorted((layer for layer in staying if not known[layer.song_id].pinned), key=order)


def _may_replace(
    leaving: Sounding,
    coming: Candidate,
    known: Mapping[SongId, Candidate],
    resting: Collection[SongId],
    limits: Limits,
    now_s: float,
) -> bool:
    candidate, stayed_s = known[leaving.song_id], now_s - leaving.since_s
    if candidate.fader_db is not None or stayed_s < limits.minimum_stay_s:
        return False
    if stayed_s >= limits.maximum_stay_s:
        return True
    if coming.song_id in resting:
        return False
    if stayed_s >= limits.rotate_s:
        return True
    wanted = coming.placed or coming.new or coming.liking - candidate.liking >= limits.better_by
    return (wanted or stayed_s >= limits.queue_stay_s) and _place(coming, limits) < _place(candidate, limits)


def _instrumentals(
    known: Mapping[SongId, Candidate], memory: Memory, limits: Limits, now_s: float, strips: int
) -> list[SongId]:
    """Each plays to its end; the next one starts a fade before, so that they cross: beside it on a strip of its own,
    or, where all strips are taken, in its place."""
    running = [layer for layer in memory.of("instrumental") if layer.song_id in known]
    staying = [layer.song_id for layer in running]
    going_on = [layer.song_id for layer in running if layer.ends_s() - now_s > _last_fade_s(layer, limits)]
    rested = [
        candidate
        for candidate in _ranked(known.values(), "instrumental", limits)
        if candidate.song_id not in staying and _has_rested(candidate, memory, limits, now_s)
    ]
    tired = sorted(
        (c for c in known.values() if c.kind == "instrumental" and c.song_id not in staying and c not in rested),
        key=lambda candidate: (memory.rested_since.get(candidate.song_id, -math.inf), candidate.song_id),
    )
    free = max(limits.instrumentals - len(going_on), 0)
    coming = [candidate.song_id for candidate in [*rested, *tired][:free]]
    ending = [song for song in staying if song not in going_on]
    return [*going_on, *coming, *ending][:strips]


def _last_fade_s(layer: Sounding, limits: Limits) -> float:
    """At most half the song, or a long fade would call for the next one as soon as this one begins."""
    return min(limits.fade_s, layer.duration_s / 2)


def _has_rested(candidate: Candidate, memory: Memory, limits: Limits, now_s: float) -> bool:
    ended_s = memory.rested_since.get(candidate.song_id, -math.inf)
    return candidate.pinned or now_s - ended_s >= limits.instrumental_rest_s


def _gains(chosen: Sequence[Candidate], limits: Limits) -> dict[SongId, float]:
    """Levels in dB whose energies add up to one layer at target loudness: half of it music when there is any.

    Within the beds, `liking_db` per unit of liking, never more than `floor_db` below the best liked.
    """
    groups = [[c for c in chosen if c.kind == "soundscape"], [c for c in chosen if c.kind == "instrumental"]]
    sounding = [group for group in groups if group]
    gains: dict[SongId, float] = {}
    for group in sounding:
        best = max(candidate.liking for candidate in group)
        relative_db = [max((c.liking - best) * limits.liking_db, limits.floor_db) for c in group]
        energy = sum(10 ** (db / 10) for db in relative_db)
        offset_db = -10 * math.log10(energy * len(sounding))
        for candidate, db in zip(group, relative_db, strict=True):
            gains[candidate.song_id] = round(db + offset_db, 2)
    return gains


def _seat(
    chosen: Sequence[SongId],
    known: Mapping[SongId, Candidate],
    gains: Mapping[SongId, float],
    memory: Memory,
    limits: Limits,
    free: Iterator[int],
    now_s: float,
) -> tuple[Sounding, ...]:
    before = {layer.song_id: layer for layer in memory.sounding}
    seats = []
    for song in chosen:
        candidate, old = known[song], before.get(song)
        seat = old or Sounding(song, next(free), candidate.kind, now_s, 0.0, duration_s=candidate.duration_s)
        seats.append(
            replace(
                seat,
                gain_db=_settled(candidate, gains[song], old, limits),
                held=candidate.fader_db is not None,
                muted=candidate.muted,
            )
        )
    return tuple(seats)


def _free_strips(chosen: Sequence[SongId], past: Memory, memory: Memory) -> Iterator[int]:
    """Strips for those that come. Strips that nothing was on come first, so that what leaves can fade in peace
    and what ended can begin again."""
    taken = {layer.strip for layer in past.sounding if layer.song_id in chosen}
    busy = {layer.strip for layer in memory.sounding}
    return iter(sorted(set(range(STRIPS)) - taken, key=lambda strip: (strip in busy, strip)))


def _settled(candidate: Candidate, gain_db: float, old: Sounding | None, limits: Limits) -> float:
    """Staff's gain if held; else the composed one, unless it moved too little to be worth a ramp."""
    if candidate.fader_db is not None:
        return candidate.fader_db
    if old is not None and abs(gain_db - old.gain_db) < limits.least_move_db:
        return old.gain_db
    return gain_db


def _soft(gains: Mapping[SongId, float], known: Mapping[SongId, Candidate], limits: Limits) -> set[SongId]:
    """Songs held far below the best liked of their kind."""
    loudest = {kind: max((db for song, db in gains.items() if known[song].kind == kind), default=0.0)
               for kind in ("soundscape", "instrumental")}  # fmt: skip
    return {song for song, db in gains.items() if db - loudest[known[song].kind] <= limits.soft_db}


def _layer(seat: Sounding, candidate: Candidate, memory: Memory, limits: Limits, soft: Collection[SongId]) -> Layer:
    is_new = all(old.song_id != seat.song_id for old in memory.sounding)
    reasons = candidate.reasons
    if seat.song_id in soft and not seat.held:
        reasons = (*reasons, Reason("soft"))
    if seat.held:
        reasons = (Reason("staff"), *reasons)
    if candidate.new:
        reasons = (Reason("new"), *reasons)
    if candidate.pinned:
        reasons = (Reason("pin"), *reasons)
    return Layer(
        strip=seat.strip,
        song_id=seat.song_id,
        path=candidate.path,
        kind=seat.kind,
        gain_db=seat.gain_db,
        pan=_BED_PAN[seat.strip] if seat.kind == "soundscape" else 0.0,
        fade_s=limits.fade_s if is_new else limits.gain_fade_s,
        muted=seat.muted,
        held=seat.held,
        title=candidate.title,
        reasons=reasons,
    )


def _rested(memory: Memory, left: Iterable[Sounding], now_s: float) -> dict[SongId, float]:
    return {**memory.rested_since, **{layer.song_id: now_s for layer in left}}


def _turned(memory: Memory, left: Iterable[Sounding], limits: Limits, now_s: float) -> dict[SongId, float]:
    """Who has had a turn and rests from it."""
    resting = {song: at for song, at in memory.turned_at.items() if now_s - at < limits.turn_rest_s}
    had_it = [layer for layer in left if layer.kind == "soundscape" and now_s - layer.since_s >= limits.rotate_s]
    return {**resting, **{layer.song_id: now_s for layer in had_it}}
