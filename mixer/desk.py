"""From scenes to samples: the bus, the limiter and the master fader, handed out in slabs or in blocks of any size.

`apply`, `control`, `cue` and `status` are for the process; `slab`, `go_back`, `again` and `fill` are for the thread
that renders. They share no lock: each order is one immutable value put in one place, taken by that thread when it
comes by.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mixer.bus import SLAB, Bus, BusMark
from mixer.dynamics import LOOKAHEAD, Limiter, LimiterMark
from mixer.engine import HEAL_AFTER_S, EngineStatus, MasterControl, StripStatus
from mixer.envelope import Samples
from mixer.lineup import Opener
from mixer.master import Master
from mixer.meters import RMS_TIME_S
from mixer.pages import Pages
from mixer.reverb import Reverb
from mixer.scene import SAMPLE_RATE, STRIPS, Scene, gain_to_db
from mixer.space import STRAIGHT, Room
from mixer.strip import Deck, Strip
from mixer.trail import Trail
from mixer.upmix import Upmix

log = logging.getLogger(__name__)

DEAD_AIR = 10 ** (-60 / 20)
SLAB_S = SLAB / SAMPLE_RATE
NEWER = 1 - math.exp(-SLAB_S / RMS_TIME_S)  # the part of the level that one slab makes


class DeskMark(NamedTuple):
    """What a desk knew before a slab. counts: its dead air, how long it was silent, and clipped samples."""

    bus: BusMark
    limiter: LimiterMark
    counts: tuple[float, float, int]


class Desk:
    """The whole engine except who asks for the next block. Starts silent, master at 0 dB."""

    def __init__(
        self,
        channels: int,
        target_lufs: float,
        room: Room | None = None,
        now_s: Callable[[], float] | None = None,
        ahead: int = 1,
    ) -> None:
        """now_s: the clock of what is cued; without one, the frames rendered so far, in seconds.
        ahead: how many slabs may be asked for before the first of them is played.
        """
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
        self._bus = Bus(mixed, room.rotation_dps if mixed > 2 else 0.0, now_s)
        self._limiter = Limiter(channels, SLAB, outlets=ahead + 1)
        self.pages = Pages()
        self._opener = Opener(mixed, target_lufs, self.pages, room)
        self._upmix = Upmix(channels, SLAB) if spread else None
        self._stereo = np.zeros((2, SLAB), np.float32)
        self._reverb = Reverb(channels, SLAB, room.reverb, room.reverb_size) if room.reverb else None
        self._slab = self._limiter.outlet
        self._used = SLAB
        self._levels = Trail((0.0, 0.0))
        self._master = Master((ahead + 1) * SLAB)
        self._faded = np.zeros(((ahead + 1) * SLAB, channels), np.float32)
        self._ahead = ahead
        self._marks: tuple[DeskMark, ...] = ()
        self._remembers = ahead > 1 and self._upmix is None and self._reverb is None

    def apply(self, scene: Scene, delays: Mapping[int, int] | None = None) -> None:
        """Open the scene's files and make it the goal from the next slab on; a strip with a delay, in frames,
        begins to move so long after, exactly."""
        self._scene = scene
        lineup = self._opener.lineup(scene)
        self._bus.lineup = lineup.delayed(delays) if delays else lineup

    def heal(self) -> bool:
        """Begin the scene anew, its files opened again, if it should be heard but has long been silent.

        Each layer goes on where it is: what is silent may be a rest in the song.
        """
        if self.silent_for_s == 0:
            self._heal_at_s = HEAL_AFTER_S
        if self.silent_for_s < self._heal_at_s:
            return False
        log.warning("what plays has not been heard for %.0f s: beginning it anew", self.silent_for_s)
        self._heal_at_s = 2 * self.silent_for_s  # what helps not is tried ever more rarely
        self.heals += 1
        self._opener.forget()
        layers = tuple(replace(layer, start_frame=self._bus.reached(layer)) for layer in self._scene.layers)
        self._bus.lineup = self._opener.lineup(replace(self._scene, layers=layers), afresh=True)
        return True

    def control(self, master: MasterControl) -> None:
        self._master.goal = master.amplitude
        self._bus.cues.heard = not (master.mute or master.hush)

    def cue(self, cue_id: str, path: str, gain_db: float, until_s: float) -> None:
        """Play a file once; nothing happens for an id heard before, too late, under hush or mute, or without a file."""
        cues = self._bus.cues
        part = self._opener.cue(cue_id, path, gain_db) if cues.admits(cue_id, until_s) else None
        if part is not None:
            cues.play(part, until_s)

    def begin_anew(self) -> None:
        """Come up from silence: somebody new listens."""
        self._master.begin_anew()

    def faded_out(self, frame: int) -> bool:
        """Whether the master has arrived at nothing by one of the last frames."""
        return self._master.at(frame) == 0

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
        if not self._master.rests:
            self._master.apply(out, self.frames)
        self.frames += frames

    @property
    def runs_on(self) -> bool:
        """Whether another slab may be asked for at once: `go_back` can take it back."""
        return self._remembers and self._bus.runs_on

    def slab(self) -> Samples:
        """The next slab, float32 (SLAB, channels); the desk's own, until the one after it is asked for."""
        mark = self._mark() if self.runs_on else None
        marks, self._marks = self._marks, ()  # nobody goes back behind a slab that fails, or took an order just given
        self._render()
        if mark is not None and mark.bus.changes == self._bus.changes:
            self._marks = (*marks, mark)[-self._ahead :]
        self._used = SLAB
        self.frames += SLAB
        if self._master.rests:
            return self._slab
        return self.again(SLAB)

    def go_back(self, frames: int) -> int:
        """Of the last so many frames, which nobody has taken, forget the slabs that an order that has come meanwhile
        is to change; how many frames stand."""
        slabs = min(frames // SLAB, len(self._marks)) if self._bus.called else 0
        if slabs:
            mark, self._marks = self._marks[-slabs], self._marks[:-slabs]
            self._bus.go_back(mark.bus)
            self._limiter.go_back(mark.limiter)
            self._levels.go_back(mark.bus.frame)
            self.dead_air_s, self.silent_for_s, self.clipped_samples = mark.counts
            self.frames -= slabs * SLAB
        return frames - slabs * SLAB

    def again(self, frames: int) -> Samples:
        """The last so many frames once more, at the level the master shall have now: float32 (frames, channels)."""
        slabs = -(-frames // SLAB)
        out = self._faded[: slabs * SLAB]
        for n, slab in enumerate(self._limiter.last(slabs)):
            out[n * SLAB : (n + 1) * SLAB] = slab
        out = out[len(out) - frames :]
        self._master.apply(out, self.frames - frames)
        return out

    def _mark(self) -> DeskMark:
        counts = self.dead_air_s, self.silent_for_s, self.clipped_samples
        return DeskMark(self._bus.mark(), self._limiter.mark(), counts)

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
        self._limiter.process()
        self._slab = self._limiter.outlet
        self._used = 0
        self._watch()

    def _watch(self) -> None:
        """Prove the sound: level and dead air of what is about to be handed out."""
        flat = self._slab.reshape(-1)
        power, mean = float(flat.dot(flat)) / flat.size, self._levels.last[1]
        self._levels.add(self._bus.frame - SLAB, (self._limiter.peak, mean + (power - mean) * NEWER))
        if self._limiter.peak > 1:
            self.clipped_samples += int(np.count_nonzero(np.abs(self._slab) > 1))
        silent = math.sqrt(power) * self._master.goal < DEAD_AIR
        if silent and self._bus.lineup.audible and self._bus.cues.heard:
            self.dead_air_s += SLAB_S
            self.silent_for_s += SLAB_S
        else:
            self.silent_for_s = 0.0

    def status(self, engine: str, device: str, block: int, played: int | None = None) -> EngineStatus:
        """A snapshot of the sound, of which so many frames have been played (None: all); the device's own figures
        are left at zero."""
        frames = self.frames if played is None else played
        master = self._master.at(frames)
        peak, power = self._levels.at(frames - 1)
        return EngineStatus(
            engine=engine,
            device=device,
            channels=self.channels,
            block=block,
            frames=frames,
            missing_files=self._bus.lineup.missing_files,
            clipped_samples=self.clipped_samples,
            limiter_s=self._limiter.limited_frames / SAMPLE_RATE,
            peak=peak * master,
            rms=math.sqrt(power) * master,
            dead_air_s=self.dead_air_s,
            silent_for_s=self.silent_for_s,
            heals=self.heals,
            strips=self._strip_statuses(frames),
        )

    def _strip_statuses(self, played: int) -> tuple[StripStatus, ...]:
        peaks, levels = self._bus.meters.at(played - 1)
        ahead = self._bus.frame - played + LOOKAHEAD  # mixed, but not played yet
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
    return StripStatus(deck.part.song_id, _heard(deck, ahead), gain_db, peak, rms)


def _heard(deck: Deck, ahead: int) -> int:
    """The frame of its file that is heard while it reads so many frames ahead; its first until that is heard."""
    heard, first = deck.playhead.before(ahead), deck.part.start_frame
    return first if heard < first <= deck.playhead.position else max(0, heard)
