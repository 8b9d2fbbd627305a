"""Fade laws: how gains travel from where they are to where they should be, on exact curves, in frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from mixer.scene import SAMPLE_RATE, Law

Samples = npt.NDArray[np.float32]

SHORTEST_FADE_S = 0.005  # anything shorter is heard as a click
MUTE_RAMP_S = 0.020


def fade_frames(seconds: float) -> int:
    """A fade's length in frames, never shorter than `SHORTEST_FADE_S`."""
    return round(max(seconds, SHORTEST_FADE_S) * SAMPLE_RATE)


@dataclass(frozen=True, slots=True)
class Fade:
    """A stretch of time and a law; frames count from the engine's first.

    A gain that rises from a to b follows a + (b − a)·rise, one that falls a + (b − a)·fall, where
    rise and fall go from 0 to 1: by `equal_power` sin(x·π/2) and 1 − cos(x·π/2), by `linear` both x.
    So two decks that change places keep their summed power, and pan moves at constant power.
    """

    start_frame: int
    frames: int
    law: Law = "equal_power"

    @property
    def end_frame(self) -> int:
        return self.start_frame + self.frames

    def shares_at(self, frame: int) -> tuple[float, float]:
        """(rise, fall) at one frame, exact; 0 before the fade and 1 from its end on."""
        x = min(1.0, max(0.0, (frame - self.start_frame) / self.frames))
        if self.law == "linear":
            return x, x
        angle = x * math.pi / 2
        return math.sin(angle), 1.0 if x == 1.0 else 1.0 - math.cos(angle)

    def shares(self, frame: int, frames: int) -> tuple[Samples, Samples]:
        """(rise, fall) for `frames` frames from `frame` on: two float32 arrays of shape (frames,)."""
        rest = self.rest(frame, frames)
        return self.rise(frame, frames), np.subtract(1, rest, out=rest)

    def crossing(self, frame: int, frames: int) -> tuple[Samples, Samples]:
        """`rise` and `rest` in one, for frames within the fade: a third of the work where its law is round."""
        if self.law == "linear":
            x = self._way(frame, frames)
            return x, np.subtract(1, x)
        angle = (frame - self.start_frame) / self.frames * math.pi / 2
        sine, cosine = math.sin(angle), math.cos(angle)
        turn = np.array(((sine, cosine), (cosine, -sine)), np.float32)
        rise, rest = np.matmul(turn, _first_turn(self.frames, (frames - 1).bit_length())[:, :frames])
        return rise, rest

    def rise(self, frame: int, frames: int) -> Samples:
        """What `shares` gives first, alone."""
        x = self._way(frame, frames)
        return x if self.law == "linear" else np.sin(x, out=x)

    def rest(self, frame: int, frames: int) -> Samples:
        """What a gain that falls to nothing still has: 1 − fall, float32 (frames,)."""
        x = self._way(frame, frames)
        return np.subtract(1, x, out=x) if self.law == "linear" else _cosine(x)

    def _way(self, frame: int, frames: int) -> Samples:
        """How far the fade has come, 0 … 1, or as an angle where its law is round."""
        whole = 1.0 if self.law == "linear" else math.pi / 2
        x = _counting((frames - 1).bit_length())[:frames] * np.float32(whole / self.frames)
        x += np.float32(whole * (frame - self.start_frame) / self.frames)
        if frame < self.start_frame:
            x[: self.start_frame - frame] = 0
        if frame + frames > self.end_frame:
            x[max(0, self.end_frame - frame) :] = whole
        return x


@cache
def _counting(bits: int) -> Samples:
    """0, 1, 2 … as float32, 2 ** bits of them: made once, for numpy takes as long over them as over three sines."""
    return np.arange(1 << bits, dtype=np.float32)


@lru_cache(maxsize=32)
def _first_turn(whole: int, bits: int) -> Samples:
    """Cosine and sine in the first 2 ** bits frames of a quarter turn of `whole` frames: float32 (2, 2 ** bits)."""
    angle = np.arange(1 << bits) * (math.pi / 2 / whole)
    return np.array((np.cos(angle), np.sin(angle)), np.float32)


def _cosine(x: Samples) -> Samples:
    np.cos(x, out=x)
    return np.maximum(x, np.float32(0), out=x)  # cos(float32(π/2)) is a hair below 0


@dataclass(frozen=True, slots=True)
class Envelope:
    """Several gains that travel together (one per way through the mix); `fade=None`: arrived."""

    start: tuple[float, ...]
    end: tuple[float, ...]
    fade: Fade | None = None

    @classmethod
    def steady(cls, gains: tuple[float, ...]) -> Envelope:
        return cls(gains, gains)

    def at(self, frame: int) -> tuple[float, ...]:
        """The gains at one frame, on the exact curve."""
        if self.fade is None or frame >= self.fade.end_frame:
            return self.end
        rise, fall = self.fade.shares_at(frame)
        return tuple(a + (b - a) * (rise if b > a else fall) for a, b in zip(self.start, self.end, strict=True))

    def toward(self, end: tuple[float, ...], fade: Fade) -> Envelope:
        """The same gains heading elsewhere: the new fade starts from what has been reached by then."""
        return Envelope(self.at(fade.start_frame), end, fade)

    def arrived(self, frame: int) -> bool:
        return self.fade is None or frame >= self.fade.end_frame

    @property
    def silent(self) -> bool:
        """Whether it has come to rest at nothing."""
        return self.fade is None and not any(self.end)
