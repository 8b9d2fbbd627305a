"""The engine that leaves the mixing to SDL: a channel for each deck, its volume moved fifty times a second.

It needs nothing of a device but what every game needs, and is taken where the bus cannot have one. What it
cannot do stands in `LACKS` and in its status.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mixer.boot_time import boot_time_s
from mixer.care import Care
from mixer.channel import Channel
from mixer.cue import Cues
from mixer.engine import EngineError, EngineStatus, MasterControl, StripStatus
from mixer.envelope import Envelope, Fade, fade_frames
from mixer.lineup import Lineup, Opener
from mixer.pages import Pages
from mixer.scene import SAMPLE_RATE, STRIPS, Scene, gain_to_db
from mixer.sdl import end_audio
from mixer.strip import Deck, Strip

HAND_EVERY_S = 0.02
DECKS = 2
HUSH_RAMP_S = 0.03
HEARD = 10 ** (-60 / 20)
LACKS = (
    "a limiter: what is too loud together is clipped",
    "exact fades: volume moves in 128 steps, 50 times a second",
    "sample-exact starts",
    "more than 6 outputs, and any but the first two for a pan",
    "space: rings, upmix, reverb, rotation",
    "counted underruns and timing",
    "meters of its own output: they are worked out from the files",
    "recording",
    "loops longer than three minutes: they turn round earlier",
    "a device that comes back",
)

log = logging.getLogger(__name__)


class ChannelsEngine:
    """An `Engine` on pygame.mixer. `step` moves the volumes; a thread calls it unless `by_itself` is False."""

    def __init__(
        self,
        device: str | None = None,
        channels: int = 2,
        block: int = 1024,
        target_lufs: float = -20.0,
        *,
        now_s: Callable[[], float] = boot_time_s,
        by_itself: bool = True,
    ) -> None:
        self._mixer = _begin(device, channels, block)
        self._name, self._channels, self._block = device or "SDL's default", channels, block
        self._now_s = now_s
        self._began_s = now_s()
        self._opener = Opener(2, target_lufs, Pages())
        self._lineup = Lineup()
        self._lineups: deque[Lineup] = deque()
        self._cues = Cues(now_s)
        self._strips = (*(Strip() for _ in range(STRIPS)), self._cues.strip)
        self._channels_of: dict[Deck, Channel] = {}
        self._control = MasterControl()
        self._master = Envelope.steady((1.0,))
        self._frame = 0
        self._silent_for_s = self._dead_air_s = 0.0
        self._faults = 0
        self._care = Care(self._step_and_survive, HAND_EVERY_S)
        self._closed = False
        if by_itself:
            self._care.start()

    def apply(self, scene: Scene) -> None:
        self._lineups.append(self._opener.lineup(scene))

    def control(self, master: MasterControl) -> None:
        self._control = master
        self._cues.heard = not (master.mute or master.hush)

    def cue(self, cue_id: str, path: str, gain_db: float = 0.0, until_s: float = math.inf) -> None:
        part = self._opener.cue(cue_id, path, gain_db) if self._cues.admits(cue_id, until_s) else None
        if part is not None:
            self._cues.play(part, until_s)

    def step(self) -> None:
        """Let time pass: take what was asked for, move every volume, begin and end channels."""
        frame = round((self._now_s() - self._began_s) * SAMPLE_RATE)
        passed = max(1, frame - self._frame)
        self._take(passed)
        for strip in self._strips:
            strip.converge(self._frame, passed)
        for deck in self._decks():
            deck.playhead.skip(passed)
        self._frame += passed
        for strip in self._strips:
            strip.settle(self._frame)
        self._move_master()
        self._seat_channels()
        self._watch(passed / SAMPLE_RATE)

    def status(self) -> EngineStatus:
        master = self._master.at(self._frame)[0]
        strips = tuple(self._strip_status(strip) for strip in self._strips[:STRIPS])
        return EngineStatus(
            engine="channels",
            device=self._name,
            channels=self._channels,
            block=self._block,
            frames=self._frame,
            missing_files=self._lineup.missing_files,
            peak=min(1.0, sum(strip.peak for strip in strips)) * master,
            rms=math.sqrt(sum(strip.rms**2 for strip in strips)) * master,
            dead_air_s=self._dead_air_s,
            silent_for_s=self._silent_for_s,
            faults=self._faults,
            on_device=True,
            lacks=LACKS,
            strips=strips,
        )

    def close(self) -> None:
        """Stop the hand, fade out in SDL, let the device go."""
        if self._closed:
            return
        self._closed = True
        self._care.close()
        self._mixer.fadeout(50)
        patience = time.monotonic() + 0.5
        while self._mixer.get_busy() and time.monotonic() < patience:
            time.sleep(0.005)
        self._mixer.quit()

    def _step_and_survive(self) -> None:
        try:
            self.step()
        except Exception:
            self._faults += 1
            log.exception("moving the volumes failed (%d in all)", self._faults)

    def _take(self, frames: int) -> None:
        while self._lineups:
            self._lineup = self._lineups.popleft()
            parts = zip(self._strips, self._lineup.parts, self._lineup.release_frames, strict=False)
            for strip, part, release in parts:
                strip.want(part, release)
        self._cues.take(self._frame, frames)

    def _decks(self) -> list[Deck]:
        return [deck for strip in self._strips for deck in strip.decks]

    def _move_master(self) -> None:
        goal = self._control.amplitude
        if self._master.end[0] != goal:
            ramp = Fade(self._frame, fade_frames(HUSH_RAMP_S), "linear")
            self._master = self._master.toward((goal,), ramp)

    def _seat_channels(self) -> None:
        """Every deck has its channel, at its volume; channels whose deck is gone are stopped."""
        playing = set(self._decks())
        for deck in [deck for deck in self._channels_of if deck not in playing]:
            self._channels_of.pop(deck).stop()
        master = self._master.at(self._frame)[0]
        for index, strip in enumerate(self._strips):
            for deck in strip.decks:
                if deck not in self._channels_of:
                    self._channels_of[deck] = self._new_channel(index, deck)
                self._channels_of[deck].set_gains(deck.envelope.at(self._frame), master)

    def _new_channel(self, strip: int, deck: Deck) -> Channel:
        seats = {channel.number for channel in self._channels_of.values()}
        number = next(n for n in range(strip * DECKS, (strip + 1) * DECKS) if n not in seats)
        return Channel(self._mixer, number, deck.playhead, self._frame)

    def _watch(self, seconds: float) -> None:
        wanted = self._lineup.audible and self._cues.heard
        level = math.sqrt(sum(self._strip_status(strip).rms ** 2 for strip in self._strips[:STRIPS]))
        if wanted and level * self._control.amplitude < HEARD:
            self._dead_air_s += seconds
            self._silent_for_s += seconds
        else:
            self._silent_for_s = 0.0

    def _strip_status(self, strip: Strip) -> StripStatus:
        decks = strip.decks
        if not decks:
            return StripStatus()
        deck, channel = decks[0], self._channels_of.get(decks[0])
        gain_db = gain_to_db(deck.envelope.at(self._frame)[0])
        status = StripStatus(deck.part.song_id, deck.playhead.position, gain_db)
        if channel is None:
            return status
        peak, rms = channel.level(self._frame)
        return replace(status, peak=peak, rms=rms)


def _begin(device: str | None, channels: int, block: int) -> Any:
    """pygame.mixer, on the device. Raises `EngineError`."""
    os.environ.setdefault("SDL_NO_SIGNAL_HANDLERS", "1")
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    import pygame

    end_audio()
    try:
        pygame.mixer.init(SAMPLE_RATE, -16, channels, block, device, allowedchanges=0)
    except (pygame.error, ValueError) as error:
        raise EngineError(f"SDL's mixer does not open {device or 'the first device'!r}: {error}") from error
    pygame.mixer.set_num_channels((STRIPS + 1) * DECKS)
    return pygame.mixer
