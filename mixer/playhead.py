"""A place in a file that moves on: straight through, or round a loop with a crossfaded seam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mixer.envelope import Fade, Samples
from mixer.scene import SAMPLE_RATE, Law, Loop

Mark = tuple[int, int, bool]

SHORTEST_LOOP = 1024  # frames; a shorter one would be hundreds of seams in one slab


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Samples with the way round them worked out, in frames.

    Reading goes straight to `seam_start`; from there to `end` the sound fades into the frames before
    `entry`, and goes on at `entry`. A source that does not loop has no seam and stops at `end`.
    """

    samples: npt.NDArray[np.int16]
    end: int
    loops: bool
    entry: int = 0
    seam: Fade | None = None

    @property
    def seam_start(self) -> int:
        return self.end if self.seam is None else self.seam.start_frame


def once(samples: npt.NDArray[np.int16]) -> Source:
    """A source that plays to its end and stops."""
    return Source(samples, samples.shape[1], loops=False)


def looped(samples: npt.NDArray[np.int16], loop: Loop | None) -> Source:
    """A source that turns round at `loop` (the whole file if None or if its points make no sense).

    The seam is shortened to half of what it joins.
    """
    loop = loop or Loop()
    frames = samples.shape[1]
    end = frames if loop.end_frame is None else min(loop.end_frame, frames)
    start = loop.start_frame
    if end - start < min(SHORTEST_LOOP, frames) or start < 0:
        start, end = 0, frames
    seam = min(round(max(0.0, loop.xfade_s) * SAMPLE_RATE), (end - start) // 2)
    return Source(
        samples, end, loops=True, entry=start + seam, seam=_seam(end - seam, seam, loop.law) if seam else None
    )


def _seam(start: int, frames: int, law: Law) -> Fade:
    return Fade(start, frames, law)


class Playhead:
    """Reads a source in order. `position` is the next frame of the file; `ended` once a file ran out.

    delay: frames of silence before the first.
    """

    __slots__ = ("_delay", "_samples", "_straight_to", "_turned", "position", "source")

    def __init__(self, source: Source, position: int = 0, delay: int = 0) -> None:
        self.source = source
        self.position = 0
        self._delay = 0
        self._turned = False
        self._samples = source.samples
        self._straight_to = source.seam_start
        self.skip(position)
        self._turned = False
        if delay > 0:
            self._delay = delay
            self._straight_to = -1  # no reading straight on before the delay is over

    @property
    def ended(self) -> bool:
        return not self.source.loops and self.position >= self.source.end

    @property
    def remaining(self) -> int:
        return self.source.end - self.position

    def mark(self) -> Mark:
        """Where it is, for `go_back`."""
        return self.position, self._delay, self._turned

    def go_back(self, mark: Mark) -> None:
        self.position, self._delay, self._turned = mark
        self._straight_to = -1 if self._delay else self.source.seam_start

    def before(self, frames: int) -> int:
        """Where in its file it was so many frames ago, less than once round; negative before it began."""
        position, source = self.position - frames, self.source
        return position + source.end - source.entry if self._turned and position < source.entry else position

    def read(self, into: Samples) -> None:
        """Fill float32 (channels, n) with the next n frames as int16 numbers; silence after the end."""
        position = self.position
        end = position + into.shape[1]
        if end < self._straight_to:
            into[...] = self._samples[:, position:end]
            self.position = end
        else:
            self._read_round_corners(into)

    def _read_round_corners(self, into: Samples) -> None:
        frames = into.shape[1]
        done = self._wait(frames)
        into[:, :done] = 0
        while done < frames:
            if self.ended:
                into[:, done:] = 0
                return
            done += self._read_piece(into[:, done:])

    def _wait(self, frames: int) -> int:
        """Spend what is left of the delay; the frames that went into it."""
        if not self._delay:
            return 0
        spent = min(frames, self._delay)
        self._delay -= spent
        if not self._delay:
            self._straight_to = self.source.seam_start
        return spent

    def skip(self, frames: int) -> None:
        """Move on without reading."""
        source = self.source
        frames -= self._wait(frames)
        self.position += frames
        if self.position < source.end:
            return
        if not source.loops:
            self.position = source.end
            return
        self.position = source.entry + (self.position - source.end) % (source.end - source.entry)
        self._turned = True

    def _read_piece(self, into: Samples) -> int:
        """Read up to the next corner of the path; returns the frames read."""
        source, position = self.source, self.position
        straight = source.seam_start - position
        if straight > 0:
            frames: int = min(straight, into.shape[1])
            into[:, :frames] = source.samples[:, position : position + frames]
        else:
            frames = min(source.end - position, into.shape[1])
            self._read_seam(into[:, :frames])
        self.skip(frames)
        return frames

    def _read_seam(self, into: Samples) -> None:
        source, position, frames = self.source, self.position, into.shape[1]
        assert source.seam is not None
        rise, rest = source.seam.crossing(position, frames)
        head = source.entry - (source.end - position)
        into[...] = source.samples[:, position : position + frames]  # cast in a product, it takes thrice as long
        into *= rest
        coming = source.samples[:, head : head + frames].astype(np.float32)
        coming *= rise
        into += coming
