"""The summing bus: seventeen strips into the outputs, one slab at a time, in float32.

Rows of file samples are gathered into one matrix; one product per fade gives every output its share. The
ramps are applied after the product, so all layers that fade together cost no more than one, and follow the
exact curve at any length. Whenever its thread wakes up, everything here finds its code and data gone from the
caches: what counts is how few different things are done, more than how much.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from mixer.cue import Cues
from mixer.envelope import Fade, Samples
from mixer.lineup import Lineup
from mixer.meters import Meters, RowMeter
from mixer.playhead import Mark, Playhead
from mixer.scene import SAMPLE_RATE, STRIPS, Layer
from mixer.strip import Deck, Strip

SLAB = 4096
TURN_EVERY = 12  # slabs: a turning ring takes a new direction about once a second
METERED = 2  # the strips' meters, made for the eye, look at every second slab: six times a second
LOOKED_AT = SLAB // 4  # and at a quarter of it, which tells an eye as much


Way = Literal["steady", "in", "out", "between"]


@dataclass(slots=True, eq=False)
class Group:
    """Decks that go the same way on the same fade (None: steady), on neighbouring rows of the matrix.

    feeds: who fills which rows. gains: float32 (outputs, rows): what is steady, what comes in goes to, or what
    goes out comes from; of what moves between two gains three of these one below another: where they start,
    what they add rising, what falling.
    """

    fade: Fade | None
    way: Way
    feeds: tuple[tuple[Callable[[Samples], None], Samples], ...]
    rows: Samples
    gains: Samples
    meter: RowMeter

    def gains_at(self, frame: int) -> Samples:
        """Each row's gain to each output at one frame: float32 (outputs, rows)."""
        if self.fade is None:
            return self.gains
        rise, fall = (np.float32(share) for share in self.fade.shares_at(frame))
        if self.way == "in":
            return self.gains * rise
        if self.way == "out":
            return self.gains * (1 - fall)
        start, rising, falling = np.split(self.gains, 3)
        now: Samples = start + rising * rise + falling * fall
        return now


class BusMark(NamedTuple):
    """Where a bus was: its frame, how often courses had changed, and where each deck read."""

    frame: int
    changes: int
    places: list[tuple[Playhead, Mark]]


class Bus:
    """Strips, decks and the kernel. Every method but `lineup =` belongs to the audio thread."""

    def __init__(self, outputs: int, rotation_dps: float = 0.0, now_s: Callable[[], float] | None = None) -> None:
        """now_s: the clock of what is cued; without one, its own frames."""
        self.outputs = outputs
        self._turn_deg = rotation_dps * TURN_EVERY * SLAB / SAMPLE_RATE
        self._direction_deg = 0.0
        self.frame = 0
        self.changes = 0  # of anybody's course
        self.lineup = Lineup()  # set from any thread, one assignment; taken at the next slab
        self.cues = Cues(now_s or (lambda: self.frame / SAMPLE_RATE))
        self.meters = Meters(STRIPS + 1, LOOKED_AT, METERED * SLAB)
        self.strips = (*(Strip() for _ in range(STRIPS)), self.cues.strip)
        self._taken = self.lineup
        self._groups: tuple[Group, ...] = ()
        self._idle: tuple[Playhead, ...] = ()
        self._due = math.inf
        self._rows = np.zeros(((STRIPS + 1) * 2 * 2, SLAB), np.float32)
        self._mixed = np.zeros((3 * outputs, SLAB), np.float32)

    def render(self, out: Samples) -> None:
        """Mix the next slab into float32 (outputs, SLAB)."""
        self._take_scene()
        if self._turn_deg and self.frame % (TURN_EVERY * SLAB) == 0:
            self._turn()
        if self._due <= self.frame:
            for strip in self.strips:
                strip.converge(self.frame, SLAB)
            self._regroup()
        self._mix(out)
        if self.frame % (METERED * SLAB) == 0:
            self._measure()
        self.frame += SLAB
        if self._due <= self.frame:
            for strip in self.strips:
                strip.settle(self.frame)
            self._regroup()

    @property
    def called(self) -> bool:
        """Whether a line-up or a cue waits to be taken."""
        return self.lineup is not self._taken or self.cues.waiting

    @property
    def runs_on(self) -> bool:
        """Whether the next slab is one that `go_back` may take back: nobody's course changes in it."""
        quiet = not self.called and not self.cues.strip.decks and not self._turn_deg
        return quiet and self._due > self.frame + SLAB

    def mark(self) -> BusMark:
        """Where everything is, before a slab that `runs_on`, for `go_back`."""
        return BusMark(self.frame, self.changes, [(deck.playhead, deck.playhead.mark()) for deck in self.playing()])

    def go_back(self, mark: BusMark) -> None:
        """As if nothing had been rendered since."""
        self.frame = mark.frame
        self.meters.go_back(mark.frame)
        for playhead, where in mark.places:
            playhead.go_back(where)

    def playing(self) -> tuple[Deck, ...]:
        """The decks under way; safe to call from any thread."""
        return tuple(deck for strip in self.strips for deck in strip.decks)

    def reached(self, layer: Layer) -> int:
        """The frame of its file that a layer reads next, its first while it does not sound; from any thread."""
        decks = self.strips[layer.strip].decks
        places = (deck.playhead.position for deck in decks if deck.part.key == (layer.song_id, layer.path))
        return next(places, layer.start_frame)

    def _take_scene(self) -> None:
        lineup = self.lineup
        if lineup is not self._taken:
            self._taken = lineup
            self._due = self.frame
            for strip, part, release in zip(self.strips, lineup.parts, lineup.release_frames, strict=False):
                if lineup.afresh:
                    strip.clear()
                strip.want(part, release)
        if self.cues.take(self.frame, SLAB):
            self._due = self.frame

    def _turn(self) -> None:
        self._direction_deg = (self._direction_deg + self._turn_deg) % 360
        for strip in self.strips[:STRIPS]:
            strip.turn(self._direction_deg, self.frame, TURN_EVERY * SLAB)
        self._due = self.frame

    def _regroup(self) -> None:
        """Sort the decks by fade and write down their gains; needed only when a course changes."""
        self.changes += 1
        alike: dict[tuple[Fade | None, Way], list[tuple[int, Deck]]] = {}
        idle: list[Playhead] = []
        for index, strip in enumerate(self.strips):
            for deck in strip.decks:
                if deck.envelope.silent:
                    idle.append(deck.playhead)
                else:
                    alike.setdefault((deck.envelope.fade, _way(deck)), []).append((index, deck))
        groups, first = [], 0
        for (fade, way), members in alike.items():
            rows = self._rows[first : first + sum(deck.channels for _, deck in members)]
            groups.append(_group(fade, way, members, rows, self.outputs))
            first += len(rows)
        self._groups, self._idle = tuple(groups), tuple(idle)
        self._due = min(strip.due(self.frame, SLAB) for strip in self.strips)

    def _mix(self, out: Samples) -> None:
        fresh = True
        for group in self._groups:
            for read, rows in group.feeds:
                read(rows)
            if fresh and group.fade is None:
                _product(group.gains, group.rows, out)
            else:
                self._add(group, out, fresh)
            fresh = False
        if fresh:
            out.fill(0)
        for playhead in self._idle:
            playhead.skip(SLAB)

    def _add(self, group: Group, out: Samples, fresh: bool) -> None:
        """One product, then the curves: what the group adds to `out`, or is the first to write to it."""
        outputs, fade = self.outputs, group.fade
        mixed = self._mixed[: len(group.gains)]
        _product(group.gains, group.rows, mixed)
        first = mixed[:outputs]
        if fade is not None and group.way == "in":
            first *= fade.rise(self.frame, SLAB)
        elif fade is not None and group.way == "out":
            first *= fade.rest(self.frame, SLAB)
        elif fade is not None:
            for way, share in enumerate(fade.shares(self.frame, SLAB), start=1):
                moving = mixed[way * outputs : (way + 1) * outputs]
                moving *= share
                first += moving
        if fresh:
            out[:] = first
        else:
            out += first

    def _measure(self) -> None:
        self.meters.decay(self.frame)
        for group in self._groups:
            if group.fade is not None:
                group.meter.weigh(group.gains_at(self.frame + SLAB))
            self.meters.add(group.rows[:, :LOOKED_AT], group.meter)


def _product(gains: Samples, rows: Samples, out: Samples) -> None:
    """gains (k, n) times rows (n, frames) into `out`: one or two rows of gains are done one by one, in half the time
    of a matrix, which the library packs anew before it begins."""
    if len(gains) <= 2:
        for each, line in zip(gains, out, strict=True):
            each.dot(rows, line)
    else:
        np.matmul(gains, rows, out=out)


def _way(deck: Deck) -> Way:
    envelope = deck.envelope
    if envelope.fade is None:
        return "steady"
    if not any(envelope.start):
        return "in"
    return "between" if any(envelope.end) else "out"


def _group(fade: Fade | None, way: Way, members: list[tuple[int, Deck]], rows: Samples, outputs: int) -> Group:
    feeds, first = [], 0
    for _, deck in members:
        feeds.append((deck.playhead.read, rows[first : first + deck.channels]))
        first += deck.channels
    start = np.concatenate([_columns(deck.envelope.start, outputs) for _, deck in members], axis=1)
    end = np.concatenate([_columns(deck.envelope.end, outputs) for _, deck in members], axis=1)
    change = end - start
    parts = (
        [start, np.maximum(change, 0), np.minimum(change, 0)] if way == "between" else [start if way == "out" else end]
    )
    gains = np.ascontiguousarray(np.concatenate(parts), np.float32)
    meter = RowMeter([index for index, deck in members for _ in range(deck.channels)])
    meter.weigh(end)
    return Group(fade, way, tuple(feeds), rows, np.ascontiguousarray(gains, np.float32), meter)


def _columns(gains: tuple[float, ...], outputs: int) -> npt.NDArray[np.float64]:
    """A deck's gains without its fader: (outputs, file channels)."""
    return np.array(gains[1:], np.float64).reshape(outputs, -1)
