"""The fader behind the limiter: gain, mute and hush of the whole mix, each change a ramp."""

from __future__ import annotations

import numpy as np

from mixer.envelope import MUTE_RAMP_S, Envelope, Fade, Samples, fade_frames

RETURN_RAMP_S = 0.5
_AT_REST = Envelope.steady((1.0,))  # at 0 dB: nothing to do


class Master:
    """`goal` may be set from any thread; the ramp to it begins with the next samples that are asked for.

    A stretch may be asked for again, from its first frame or a later one, as long as it is no older than `keep` frames.
    """

    def __init__(self, keep: int) -> None:
        self.goal = 1.0
        self._anew = False
        self._keep = keep
        self._envelope = _AT_REST

    @property
    def rests(self) -> bool:
        """Whether it changes nothing."""
        return self._envelope is _AT_REST and self.goal == 1.0 and not self._anew

    def begin_anew(self) -> None:
        """Come up from silence, in `RETURN_RAMP_S`, with the next samples that are asked for. From any thread."""
        self._anew = True

    def at(self, frame: int) -> float:
        return self._envelope.at(frame)[0]

    def apply(self, out: Samples, frame: int) -> None:
        """Bring float32 (frames, channels), of which `frame` is the first, to its level."""
        goal = self.goal
        if self._anew:
            self._anew = False
            self._envelope = Envelope((0.0,), (goal,), Fade(frame, fade_frames(RETURN_RAMP_S), "linear"))
        if self._envelope.end[0] != goal:
            self._envelope = self._envelope.toward((goal,), Fade(frame, fade_frames(MUTE_RAMP_S), "linear"))
        fade = self._envelope.fade
        if fade is not None and frame < fade.end_frame:
            out *= self._curve(fade, frame, len(out))[:, None]
        elif goal != 1.0:
            out *= np.float32(goal)
        if fade is not None and fade.end_frame + self._keep <= frame:
            self._envelope = _AT_REST if goal == 1.0 else Envelope.steady((goal,))

    def _curve(self, fade: Fade, frame: int, frames: int) -> Samples:
        share, _ = fade.shares(frame, frames)
        start, end = self._envelope.start[0], self._envelope.end[0]
        share *= np.float32(end - start)
        share += np.float32(start)
        return share
