"""The summing bus: seventeen strips into the outputs, one slab at a time, in float32.

Rows of file samples are gathered into one matrix; one product per fade gives every output its share. The
ramps are applied after the product, so all layers that fade together cost no more than one, and follow the
exact curve at any length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mixer.envelope import Fade, Samples
from mixer.lineup import CUE_STRIP, Lineup, Part
from mixer.meters import Meters
from mixer.scene import STRIPS
from mixer.strip import Deck, Strip

SLAB = 4096


@dataclass(slots=True, eq=False)
class Group:
    """Decks that share a fade (or are steady: None), on rows `first` … `first + rows` of the matrix.

    gains: float32 (3, outputs, rows): where the gains start, what they add rising, what falling; a steady
    group has only the first. strips: the strip of each row.
    """

    fade: Fade | None
    decks: tuple[Deck, ...]
    first: int
    rows: int
    gains: Samples
    strips: npt.NDArray[np.intp]

    def gains_at(self, frame: int) -> Samples:
        """Each row's gain to each output at one frame: float32 (outputs, rows)."""
        if self.fade is None:
            steady: Samples = self.gains[0]
            return steady
        rise, fall = self.fade.shares_at(frame)
        now: Samples = self.gains[0] + self.gains[1] * np.float32(rise) + self.gains[2] * np.float32(fall)
        return now


class Bus:
    """Strips, decks and the kernel. Every method but `lineup =` belongs to the audio thread."""

    def __init__(self, outputs: int) -> None:
        self.outputs = outputs
        self.frame = 0
        self.lineup = Lineup()  # set from any thread, one assignment; taken at the next slab
        self.cue: Part | None = None  # likewise
        self.meters = Meters(STRIPS + 1, outputs)
        self.strips = tuple(Strip() for _ in range(STRIPS + 1))
        self._taken = self.lineup
        self._taken_cue: Part | None = None
        self._groups: tuple[Group, ...] = ()
        self._idle: tuple[Deck, ...] = ()
        self._rows = np.zeros(((STRIPS + 1) * 2 * 2, SLAB), np.float32)
        self._mixed = np.zeros((3 * outputs, SLAB), np.float32)

    def render(self, out: Samples) -> None:
        """Mix the next slab into float32 (outputs, SLAB)."""
        self._take_scene()
        turns = [strip.converge(self.frame, SLAB) for strip in self.strips]
        if any(turns):
            self._regroup()
        out.fill(0)
        for group in self._groups:
            self._gather(group)
            self._mix(group, out)
        for deck in self._idle:
            deck.playhead.skip(SLAB)
        self._measure()
        self.frame += SLAB
        ends = [strip.settle(self.frame) for strip in self.strips]
        if any(ends):
            self._regroup()

    def playing(self) -> tuple[Deck, ...]:
        """The decks under way; safe to call from any thread."""
        return tuple(deck for strip in self.strips for deck in strip.decks)

    def _take_scene(self) -> None:
        lineup, cue = self.lineup, self.cue
        if lineup is not self._taken:
            self._taken = lineup
            for strip, part, release in zip(self.strips, lineup.parts, lineup.release_frames, strict=False):
                strip.want(part, release)
        if cue is not self._taken_cue and cue is not None:
            self._taken_cue = cue
            self.strips[CUE_STRIP].want(cue, cue.fade_frames)

    def _regroup(self) -> None:
        """Sort the decks by fade and write down their gains; needed only when a course changes."""
        by_fade: dict[Fade | None, list[tuple[int, Deck]]] = {}
        idle: list[Deck] = []
        for index, strip in enumerate(self.strips):
            for deck in strip.decks:
                if deck.envelope.silent:
                    idle.append(deck)
                else:
                    by_fade.setdefault(deck.envelope.fade, []).append((index, deck))
        groups, first = [], 0
        for fade, members in by_fade.items():
            group = _group(fade, members, first, self.outputs)
            groups.append(group)
            first += group.rows
        self._groups, self._idle = tuple(groups), tuple(idle)

    def _gather(self, group: Group) -> None:
        row = group.first
        for deck in group.decks:
            channels = deck.channels
            deck.playhead.read(self._rows[row : row + channels])
            row += channels

    def _mix(self, group: Group, out: Samples) -> None:
        ways = group.gains.shape[0] * self.outputs
        mixed = self._mixed[:ways]
        rows = self._rows[group.first : group.first + group.rows]
        np.matmul(group.gains.reshape(ways, group.rows), rows, out=mixed)
        out += mixed[: self.outputs]
        if group.fade is not None:
            shares = group.fade.shares(self.frame, SLAB)
            for way, share in enumerate(shares, start=1):
                moving = mixed[way * self.outputs : (way + 1) * self.outputs]
                np.multiply(moving, share, out=moving)
                out += moving

    def _measure(self) -> None:
        meters = self.meters
        meters.begin()
        for group in self._groups:
            rows = self._rows[group.first : group.first + group.rows]
            meters.add(rows, group.gains_at(self.frame + SLAB), group.strips)
        meters.end(SLAB)


def _group(fade: Fade | None, members: list[tuple[int, Deck]], first: int, outputs: int) -> Group:
    decks = tuple(deck for _, deck in members)
    strips = np.repeat([index for index, _ in members], [deck.channels for deck in decks])
    start, end = (
        np.concatenate([_columns(getattr(deck.envelope, side), outputs) for deck in decks], axis=1)
        for side in ("start", "end")
    )
    gains = end[None] if fade is None else np.stack([start, np.maximum(end - start, 0), np.minimum(end - start, 0)])
    return Group(fade, decks, first, len(strips), np.ascontiguousarray(gains, np.float32), strips)


def _columns(gains: tuple[float, ...], outputs: int) -> npt.NDArray[np.float64]:
    """A deck's gains without its fader: (outputs, file channels)."""
    return np.array(gains[1:], np.float64).reshape(outputs, -1)
