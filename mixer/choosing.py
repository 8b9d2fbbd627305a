"""Which songs are to sound: who stays, who comes, who must wait, under a change budget."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from mixer.roster import Candidate, Limits, Memory, Sounding
from mixer.scene import Kind, SongId


class Budget:
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


def choose_beds(
    known: Mapping[SongId, Candidate], memory: Memory, limits: Limits, budget: Budget, now_s: float
) -> list[SongId]:
    """Empty places are filled at once; only exchanges are rationed."""
    ranked = _ranked(known.values(), "soundscape", limits)
    staying = [layer for layer in memory.of("soundscape") if layer.song_id in known]
    chosen = [layer.song_id for layer in staying]
    _pin(chosen, ranked, limits)
    called = {candidate.song_id for candidate in ranked if candidate.called}
    resting = {song for song, at in memory.turned_at.items() if now_s - at < limits.turn_rest_s} - called
    waiting = [candidate for candidate in ranked if candidate.song_id not in chosen]
    waiting.sort(key=lambda candidate: candidate.song_id in resting)
    while waiting and len(chosen) < limits.beds:
        chosen.append(waiting.pop(0).song_id)
    for leaving in _most_replaceable(staying, known, limits, now_s):
        if not (waiting and budget.left()):
            break
        coming = waiting[0]
        if now_s - leaving.since_s >= limits.rotate_s:
            coming = _next_in_turn(waiting, resting, memory)
        if leaving.song_id in chosen and _may_replace(leaving, coming, known, resting, limits, now_s):
            chosen[chosen.index(leaving.song_id)] = coming.song_id
            waiting.remove(coming)
            budget.spend()
    return chosen[: limits.beds]


def _next_in_turn(waiting: Sequence[Candidate], resting: Collection[SongId], memory: Memory) -> Candidate:
    """Of those queued, whoever sounded longest ago: a turn is for all that suit the room, not for its two best."""
    queued = [one for one in waiting if one.place is not None and one.song_id not in resting]
    return min(queued, key=lambda one: memory.rested_since.get(one.song_id, -math.inf), default=waiting[0])


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


def choose_instrumentals(
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
    return candidate.pinned or candidate.called or now_s - ended_s >= limits.instrumental_rest_s
