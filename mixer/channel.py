"""One channel of SDL's mixer with a song on it: rendered once, then played by SDL."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from mixer.level_profile import LevelProfile
from mixer.playhead import Playhead, Source, looped
from mixer.scene import SAMPLE_RATE, Loop

LONGEST_LOOP_S = 180
FULL_SCALE = 32768.0


class Channel:
    """Plays from where the playhead stands, silent until `set_gains`. Not thread-safe."""

    def __init__(self, mixer: Any, number: int, playhead: Playhead, frame: int) -> None:
        """frame: the engine's, at which it begins."""
        samples = once_round(playhead)
        self.number = number
        self._began = frame
        self._profile = LevelProfile.of(samples)
        self._sound = mixer.Sound(buffer=np.ascontiguousarray(samples))
        self._channel = mixer.Channel(number)
        self._channel.set_volume(0.0)
        self._channel.play(self._sound, loops=-1 if playhead.source.loops else 0)
        self._channel.set_volume(0.0)  # playing sets it back to full
        self._gain = 0.0
        self._mono = mixer.get_init()[2] == 1

    def set_gains(self, gains: tuple[float, ...], master: float) -> None:
        """A part's gains, as in `mixer.lineup`, for two outputs."""
        left, right = _sides(gains[1:])
        self._gain = math.hypot(left, right) / math.sqrt(2)
        if self._mono:
            self._channel.set_volume(min(1.0, self._gain * master))
        else:
            self._channel.set_volume(min(1.0, left * master), min(1.0, right * master))

    def level(self, frame: int) -> tuple[float, float]:
        """(peak, rms) as it sounds, before the master."""
        peak, rms = self._profile.at(frame - self._began)
        return peak * self._gain, rms * self._gain

    def stop(self) -> None:
        self._channel.stop()


def once_round(playhead: Playhead) -> npt.NDArray[np.int16]:
    """What follows, once round the loop or to the end: int16 (frames, 2), its seam in it."""
    source = playhead.source
    if source.loops:
        source = _bounded(source, playhead.position)
        position, frames = max(playhead.position, source.entry), source.end - source.entry
    else:
        position, frames = playhead.position, max(1, playhead.remaining)
    samples = np.zeros((source.samples.shape[0], frames), np.float32)
    Playhead(source, position).read(samples)
    stereo = np.broadcast_to(samples, (2, frames)) if len(samples) == 1 else samples
    return np.rint(np.clip(stereo.T, -32768, 32767)).astype(np.int16)


def _bounded(source: Source, position: int) -> Source:
    longest = LONGEST_LOOP_S * SAMPLE_RATE
    if source.end - source.entry <= longest:
        return source
    start = min(position, source.end - longest)
    return looped(source.samples, Loop(start, start + longest))


def _sides(ways: tuple[float, ...]) -> tuple[float, ...]:
    """Volume left and right, from the (2 × file channels) gains of a part."""
    inputs = len(ways) // 2
    return tuple(FULL_SCALE * math.sqrt(sum(way * way for way in ways[o : o + inputs])) for o in (0, inputs))
