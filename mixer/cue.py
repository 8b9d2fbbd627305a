"""The cue strip: a chime, a test tone, an audition, beside the mix; each once, none late and none into a hush."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from mixer.envelope import MUTE_RAMP_S, fade_frames
from mixer.lineup import Part
from mixer.scene import SAMPLE_RATE
from mixer.strip import Strip

REMEMBERED = 64
_RAMP_FRAMES = fade_frames(MUTE_RAMP_S)


@dataclass(frozen=True, slots=True, eq=False)
class Cue:
    """What is to be played, and the moment by which it is to be over."""

    part: Part
    until_s: float


class Cues:
    """`admits` and `play` are for the process, `take` for whoever moves the strips; `heard` may be set from anywhere.

    now_s: the clock of every `until_s`. heard: whether the room hears us; what sounds when it is told to be quiet
    fades out, and does not come back.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self.strip = Strip()
        self.heard = True
        self._now_s = now_s
        self._known: deque[str] = deque(maxlen=REMEMBERED)
        self._offered: Cue | None = None
        self._taken: Cue | None = None
        self._end_frame = math.inf

    def admits(self, cue_id: str, until_s: float) -> bool:
        """Whether it is to be played: new, not late, and not into a hush. Asked again the answer is no."""
        new = cue_id not in self._known
        if new:
            self._known.append(cue_id)
        return new and self.heard and self._now_s() < until_s

    def play(self, part: Part, until_s: float) -> None:
        """Begin at the next slab; what still sounds makes way."""
        self._offered = Cue(part, until_s)

    @property
    def waiting(self) -> bool:
        """Whether one was offered and not looked at yet."""
        return self._offered is not self._taken

    def take(self, frame: int, frames: int) -> bool:
        """Set the strip's goal for the `frames` frames from `frame` on; True if it is another one."""
        cue, changed = self._offered, False
        if cue is not None and cue is not self._taken:
            self._taken = cue
            changed = self._begin(cue, frame, frames)
        if self.strip.decks and (not self.heard or frame + frames + _RAMP_FRAMES > self._end_frame):
            self.strip.want(None, _RAMP_FRAMES)
            self._end_frame = math.inf
            changed = True
        return changed

    def _begin(self, cue: Cue, frame: int, frames: int) -> bool:
        left_frames = (cue.until_s - self._now_s()) * SAMPLE_RATE
        if not self.heard or left_frames < frames + _RAMP_FRAMES:
            return False
        self.strip.want(cue.part, cue.part.fade_frames)
        self._end_frame = frame + left_frames
        return True
