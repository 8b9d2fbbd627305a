"""One channel of the mixer: two decks, the new song on one while the old one leaves on the other."""

from __future__ import annotations

import math

from mixer.envelope import MUTE_RAMP_S, Envelope, Fade, fade_frames
from mixer.lineup import Part
from mixer.playhead import Playhead
from mixer.scene import Law


class Deck:
    """A song under way: where it reads, and how loud it goes to each output.

    leaving: it fades to nothing and is freed then. closing: it leaves because its file ends.
    """

    __slots__ = ("closing", "envelope", "leaving", "part", "playhead")

    def __init__(self, part: Part) -> None:
        self.part = part
        self.playhead = Playhead(part.source, part.start_frame, part.delay_frames)
        self.envelope = Envelope.steady((0.0,) * len(part.gains))
        self.leaving = False
        self.closing = False

    @property
    def channels(self) -> int:
        return int(self.part.source.samples.shape[0])

    def go(self, gains: tuple[float, ...], frames: int, law: Law, frame: int) -> None:
        """Head for `gains`, from what is reached at `frame`, in `frames` frames."""
        self.leaving = False
        self.envelope = self.envelope.toward(gains, Fade(frame, frames, law))

    def leave(self, frames: int, law: Law, frame: int) -> None:
        """Fade to nothing; a deck that is leaving sooner anyway goes on as it is."""
        fade = self.envelope.fade
        if self.leaving and (fade is None or fade.end_frame <= frame + frames):
            return
        self.go((0.0,) * len(self.envelope.end), frames, law, frame)
        self.leaving = True

    def due(self, frame: int, slab: int) -> float:
        """The first frame at which its course changes by itself: its fade ends, or its file is about to."""
        fade = self.envelope.fade
        fade_end = math.inf if fade is None else fade.end_frame
        if self.part.source.loops or self.closing:
            return fade_end
        return min(fade_end, frame + self.playhead.remaining - slab - self.part.ending_frames + 1)

    def close_in_time(self, frame: int, slab: int) -> bool:
        """Begin the last fade of a file that is about to end; True when it begins now."""
        left = self.playhead.remaining
        if self.part.source.loops or self.closing or left - slab >= self.part.ending_frames:
            return False
        self.closing = True
        self.leave(max(1, left), self.part.law, frame)
        return True


class Strip:
    """Converges on the part it is given. At most two decks sound; a third song waits one slab for room."""

    __slots__ = ("_finished", "_pending", "_ramp_frames", "_release_frames", "_turned_deg", "_wanted", "decks")

    def __init__(self) -> None:
        self.decks: tuple[Deck, ...] = ()  # the one to be heard first
        self._wanted: Part | None = None
        self._release_frames = 0
        self._ramp_frames = 0
        self._finished: tuple[str, str] | None = None
        self._pending = False
        self._turned_deg = 0.0

    def want(self, part: Part | None, release_frames: int) -> None:
        """Set the goal; one that sounds the same as the last changes nothing."""
        last, self._wanted = self._wanted, part
        if part == last:
            return
        muting = part is not None and last is not None and part.key == last.key and part.muted != last.muted
        self._ramp_frames = fade_frames(MUTE_RAMP_S) if muting else part.fade_frames if part else 0
        self._release_frames = release_frames
        self._pending = True
        if part is None or part.key != self._finished:
            self._finished = None

    def turn(self, degrees: float, frame: int, frames: int) -> None:
        """Move what rests on to the ring turned by `degrees`; what fades arrives there by itself."""
        self._turned_deg = degrees
        wanted = self._wanted
        for deck in self.decks[:1]:
            at_rest = deck.envelope.fade is None and not deck.leaving and not deck.envelope.silent
            if at_rest and wanted is not None and wanted.key == deck.part.key:
                deck.go(wanted.turned(degrees), frames, "linear", frame)

    def clear(self) -> None:
        """Drop everything at once: for what is not heard anyway."""
        self.decks, self._wanted, self._finished = (), None, None

    def converge(self, frame: int, slab: int) -> bool:
        """Take the steps due at `frame`, the first of a slab; True if a deck's course changed."""
        changed = False
        for deck in self.decks:
            changed |= deck.close_in_time(frame, slab)
        if self._pending:
            self._pending = not self._steer(frame, slab)
            changed = True
        return changed

    def due(self, frame: int, slab: int) -> float:
        """The first frame at which a slab may not pass without `converge` or `settle`."""
        if self._pending:
            return frame
        return min((deck.due(frame, slab) for deck in self.decks), default=math.inf)

    def settle(self, frame: int) -> bool:
        """End the fades that are over at `frame` and free their decks; True if any was."""
        changed = False
        for deck in self.decks:
            if deck.envelope.fade is not None and deck.envelope.arrived(frame):
                deck.envelope = Envelope.steady(deck.envelope.end)
                changed = True
            if deck.leaving and deck.envelope.silent:
                self._free(deck)
                changed = True
        return changed

    def _free(self, deck: Deck) -> None:
        if deck.closing and self._wanted is not None and self._wanted.key == deck.part.key:
            self._finished = deck.part.key  # or the scene that still names it would start it again
        self.decks = tuple(other for other in self.decks if other is not deck)

    def _steer(self, frame: int, slab: int) -> bool:
        """One step towards the wanted part; False if another is needed at the next slab."""
        wanted = self._wanted
        if wanted is None:
            for deck in self.decks:
                deck.leave(self._release_frames, deck.part.law, frame)
            return True
        if wanted.key == self._finished:
            return True
        same = next((deck for deck in self.decks if deck.part.key == wanted.key), None)
        if same is None and len(self.decks) == 2:
            _quieter(self.decks, frame).leave(slab, "equal_power", frame)
            return False
        self._bring_forward(same or Deck(wanted), wanted, frame)
        return True

    def _bring_forward(self, deck: Deck, wanted: Part, frame: int) -> None:
        """Head for the wanted gains on one deck while the others leave."""
        others = tuple(other for other in self.decks if other is not deck)
        for other in others:
            other.leave(self._ramp_frames, wanted.law, frame)
        if not deck.closing:  # a file about to end is not held back
            at_rest = deck.envelope.fade is None  # on the way it turns round at once: a later start would be a step
            start = frame + wanted.delay_frames if at_rest else frame
            deck.go(wanted.turned(self._turned_deg), self._ramp_frames, wanted.law, start)
        self.decks = (deck, *others)


def _quieter(decks: tuple[Deck, ...], frame: int) -> Deck:
    return min(decks, key=lambda deck: sum(gain * gain for gain in deck.envelope.at(frame)))
