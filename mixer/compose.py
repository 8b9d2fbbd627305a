"""Which songs sound next, how loud, on which strip, and why: pure, deterministic, under a change budget.

The queue says who is best next; this decides when they may come. What sounds stays a while, keeps its strip,
and follows the room's liking by its gain at once; exchanging layers is rationed, so a room is led, not shaken.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from mixer.choosing import Budget, choose_beds, choose_instrumentals
from mixer.roster import Candidate, Limits, Memory, Sounding
from mixer.scene import STRIPS, Layer, Reason, Scene, SongId

# Beds sit around the listener, instrumentals in front: pan by strip, the same in every room.
_BED_PAN = (0.0, -0.45, 0.45, -0.2, 0.2, -0.6, 0.6, -0.3, 0.3, -0.1, 0.1, -0.5, 0.5, -0.4, 0.4, 0.0)


def compose(candidates: Sequence[Candidate], memory: Memory, limits: Limits, now_s: float) -> tuple[Scene, Memory]:
    """The scene for now, and the memory for next time.

    now_s: seconds on a clock that never goes back. The same arguments give the same scene.
    """
    known = {candidate.song_id: _sane(candidate, limits) for candidate in candidates if not candidate.banned}
    past = _still_sounding(memory, known, now_s)
    budget = Budget(past.changes, limits, now_s)
    beds = choose_beds(known, past, limits, budget, now_s)[:STRIPS]
    chosen = [*beds, *choose_instrumentals(known, past, limits, now_s, STRIPS - len(beds))]
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
    if candidate.solo:
        reasons = (Reason("solo"), *reasons)
    return Layer(
        strip=seat.strip,
        song_id=seat.song_id,
        path=candidate.path,
        kind=seat.kind,
        gain_db=seat.gain_db,
        pan=_BED_PAN[seat.strip] if seat.kind == "soundscape" else 0.0,
        fade_s=limits.fade_s if is_new else limits.gain_fade_s,
        muted=seat.muted,
        solo=candidate.solo,
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
