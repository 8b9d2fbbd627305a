"""From scenes to samples: the bus, the limiter and the master fader, handed out in blocks of any size.

`apply`, `control`, `cue` and `status` are for the process; `fill` is for the audio thread. They share no
lock: each order is one immutable value put in one place, taken by the audio thread when it comes by.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Mapping

import numpy as np

from mixer.bus import SLAB, Bus
from mixer.dynamics import LOOKAHEAD, Limiter
from mixer.engine import HEAL_AFTER_S, EngineStatus, MasterControl, StripStatus
from mixer.envelope import MUTE_RAMP_S, Envelope, Fade, Samples, fade_frames
from mixer.lineup import Opener
from mixer.meters import RMS_TIME_S
from mixer.pages import Pages
from mixer.reverb import Reverb
from mixer.scene import SAMPLE_RATE, STRIPS, Scene, gain_to_db
from mixer.space import STRAIGHT, Room
from mixer.strip import Deck, Strip
from mixer.upmix import Upmix

log = logging.getLogger(__name__)

DEAD_AIR = 10 ** (-60 / 20)
UNTOUCHED = Envelope.steady((1.0,))  # the master at 0 dB: nothing to do
CUES_REMEMBERED = 64


class Desk:
    """The whole engine except who asks for the next block. Starts silent, master at 0 dB."""

    def __init__(self, channels: int, target_lufs: float, room: Room | None = None) -> None:
        room = room or STRAIGHT
        room.check(channels)
        spread = room.spread and channels > 2
        mixed = 2 if spread else channels
        self.channels = channels
        self.frames = 0
        self.dead_air_s = 0.0
        self.silent_for_s = 0.0
        self.clipped_samples = 0
        self.heals = 0
        self._heal_at_s = HEAL_AFTER_S
        self._scene = Scene()
        self._bus = Bus(mixed, room.rotation_dps if mixed > 2 else 0.0)
        self._limiter = Limiter(channels, SLAB)
        self.pages = Pages()
        self._opener = Opener(mixed, target_lufs, self.pages, room)
        self._upmix = Upmix(channels, SLAB) if spread else None
        self._stereo = np.zeros((2, SLAB), np.float32)
        self._reverb = Reverb(channels, SLAB, room.reverb, room.reverb_size) if room.reverb else None
        self._slab = np.zeros((SLAB, channels), np.float32)
        self._used = SLAB
        self._power = 0.0
        self._goal = 1.0
        self._master = UNTOUCHED
        self._heard = True
        self._cues: deque[str] = deque(maxlen=CUES_REMEMBERED)

    def apply(self, scene: Scene, delays: Mapping[int, int] | None = None) -> None:
        """Open the scene's files and make it the goal from the next slab on; a strip with a delay, in frames,
        begins to move so long after, exactly."""
        self._scene = scene
        lineup = self._opener.lineup(scene)
        self._bus.lineup = lineup.delayed(delays) if delays else lineup

    def heal(self) -> bool:
        """Begin the scene anew, its files opened again, if it should be heard but has long been silent."""
        if self.silent_for_s == 0:
            self._heal_at_s = HEAL_AFTER_S
        if self.silent_for_s < self._heal_at_s:
            return False
        log.warning("what plays has not been heard for %.0f s: beginning it anew", self.silent_for_s)
        self._heal_at_s = 2 * self.silent_for_s  # what helps not is tried ever more rarely
        self.heals += 1
        self._opener.forget()
        self._bus.lineup = self._opener.lineup(self._scene, afresh=True)
        return True

    def control(self, master: MasterControl) -> None:
        self._goal = master.amplitude
        self._heard = not (master.mute or master.hush)

    def cue(self, cue_id: str, path: str, gain_db: float) -> None:
        """Play a file once; nothing happens for an id heard before, under hush or mute, or without a file."""
        if cue_id in self._cues:
            return
        self._cues.append(cue_id)
        if self._heard:
            self._bus.cue = self._opener.cue(cue_id, path, gain_db) or self._bus.cue

    def playing(self) -> tuple[Deck, ...]:
        return self._bus.playing()

    def fill(self, out: Samples) -> None:
        """Write the next block into float32 (frames, channels)."""
        if self._used == SLAB:
            self._render()
        used, frames = self._used, len(out)
        if used + frames <= SLAB:
            out[:] = self._slab[used : used + frames]
            self._used = used + frames
        else:
            self._fill_across_slabs(out)
        if self._goal != 1.0 or self._master is not UNTOUCHED:
            self._fade_master(out)
        self.frames += frames

    def _fill_across_slabs(self, out: Samples) -> None:
        done, frames = 0, len(out)
        while done < frames:
            if self._used == SLAB:
                self._render()
            take = min(SLAB - self._used, frames - done)
            out[done : done + take] = self._slab[self._used : self._used + take]
            self._used += take
            done += take

    def _render(self) -> None:
        mix = self._limiter.inlet
        if self._upmix is None:
            self._bus.render(mix)
        else:
            self._bus.render(self._stereo)
            self._upmix.process(self._stereo, mix)
        if self._reverb is not None:
            self._reverb.add_to(mix)
        self._limiter.process(self._slab)
        self._used = 0
        self._watch()

    def _fade_master(self, out: Samples) -> None:
        """Bring a block to the master's level, on the way to its goal in `MUTE_RAMP_S`."""
        goal = self._goal
        if self._master.end[0] != goal:
            ramp = Fade(self.frames, fade_frames(MUTE_RAMP_S), "linear")
            self._master = self._master.toward((goal,), ramp)
        fade = self._master.fade
        if fade is None:
            if goal != 1.0:
                out *= np.float32(goal)
            return
        out *= self._master_curve(fade, len(out))[:, None]
        if fade.end_frame <= self.frames + len(out):
            self._master = UNTOUCHED if goal == 1.0 else Envelope.steady((goal,))

    def _master_curve(self, fade: Fade, frames: int) -> Samples:
        share, _ = fade.shares(self.frames, frames)
        start, end = self._master.start[0], self._master.end[0]
        share *= np.float32(end - start)
        share += np.float32(start)
        return share

    def _watch(self) -> None:
        """Prove the sound: level and dead air of what is about to be handed out."""
        seconds = SLAB / SAMPLE_RATE
        power = float(np.vdot(self._slab, self._slab)) / self._slab.size
        self._power += (power - self._power) * (1 - math.exp(-seconds / RMS_TIME_S))
        if self._limiter.peak > 1:
            self.clipped_samples += int(np.count_nonzero(np.abs(self._slab) > 1))
        wanted = self._bus.lineup.audible and self._heard
        if wanted and math.sqrt(power) * self._goal < DEAD_AIR:
            self.dead_air_s += seconds
            self.silent_for_s += seconds
        else:
            self.silent_for_s = 0.0

    def status(self, engine: str, device: str, block: int) -> EngineStatus:
        """A snapshot of the sound; the device's own figures are left at zero."""
        master = self._master.at(self.frames)[0]
        return EngineStatus(
            engine=engine,
            device=device,
            channels=self.channels,
            block=block,
            frames=self.frames,
            missing_files=self._bus.lineup.missing_files,
            clipped_samples=self.clipped_samples,
            limiter_s=self._limiter.limited_frames / SAMPLE_RATE,
            peak=self._limiter.peak * master,
            rms=math.sqrt(self._power) * master,
            dead_air_s=self.dead_air_s,
            silent_for_s=self.silent_for_s,
            heals=self.heals,
            strips=self._strip_statuses(),
        )

    def _strip_statuses(self) -> tuple[StripStatus, ...]:
        peaks, levels = self._bus.meters.peak.tolist(), self._bus.meters.rms.tolist()
        ahead = self._bus.frame - self.frames + LOOKAHEAD  # mixed, but not handed out yet
        return tuple(
            _strip_status(self._bus.strips[index], self._bus.frame, ahead, peaks[index], levels[index])
            for index in range(STRIPS)
        )


def _strip_status(strip: Strip, frame: int, ahead: int, peak: float, rms: float) -> StripStatus:
    decks = strip.decks
    if not decks:
        return StripStatus(peak=peak, rms=rms)
    deck = decks[0]
    gain_db = gain_to_db(deck.envelope.at(frame)[0])
    return StripStatus(deck.part.song_id, max(0, deck.playhead.position - ahead), gain_db, peak, rms)
