"""A scene with its files opened and its gains worked out: the one value handed to the audio thread."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mixer.envelope import fade_frames
from mixer.pages import Pages
from mixer.pcm import Pcm, PcmError, open_pcm
from mixer.playhead import Source, looped, once
from mixer.scene import SAMPLE_RATE, STRIPS, Law, Layer, Scene, db_to_gain
from mixer.space import STRAIGHT, Room, pan_weights

MAKEUP_LIMIT_DB = 12.0  # a very quiet file is raised by no more than this
ENDING_S = 5.0
FIRST_FRAMES = 12_000  # what a layer about to start must have in memory: more than two slabs

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file stands in the room, and how much each step of its samples counts there."""

    room: Room
    outputs: int
    inputs: int
    pan: float
    unit: float

    def gains(self, fader: float, turned_deg: float = 0.0) -> tuple[float, ...]:
        """The fader's amplitude, then one factor per way from a file channel to an output (output-major)."""
        weights = pan_weights(self.outputs, self.inputs, self.pan, self.room, turned_deg)
        return (fader, *(self.unit * fader * weight for row in weights for weight in row))


@dataclass(frozen=True, slots=True)
class Part:
    """What one strip shall sound.

    gains: as `Place.gains` gives them. ending_frames: how long before the end of a file that does not loop
    its last fade begins. delay_frames: how long after the slab in which it is taken it begins to move.
    """

    song_id: str
    path: str
    source: Source = field(compare=False)
    gains: tuple[float, ...]
    place: Place = field(compare=False)
    fade_frames: int = field(compare=False)
    law: Law = field(compare=False, default="equal_power")
    start_frame: int = field(compare=False, default=0)
    ending_frames: int = field(compare=False, default=0)
    delay_frames: int = field(compare=False, default=0)
    muted: bool = False

    def turned(self, degrees: float) -> tuple[float, ...]:
        """Its gains with the ring turned to the right."""
        return self.place.gains(self.gains[0], degrees) if degrees else self.gains

    @property
    def key(self) -> tuple[str, str]:
        return self.song_id, self.path


@dataclass(frozen=True, slots=True)
class Lineup:
    """`parts` has one place per strip; an empty one fades out in `release_frames` of its own strip.

    afresh: every part begins anew, whatever its strip was doing.
    """

    parts: tuple[Part | None, ...] = (None,) * STRIPS
    release_frames: tuple[int, ...] = (fade_frames(0),) * STRIPS
    missing_files: int = 0
    afresh: bool = False

    @property
    def audible(self) -> bool:
        return any(part is not None and part.gains[0] > 0 for part in self.parts)

    def delayed(self, delays: Mapping[int, int]) -> Lineup:
        """The same with some strips' parts beginning so many frames later."""
        parts = tuple(
            replace(part, delay_frames=delays[strip]) if part is not None and strip in delays else part
            for strip, part in enumerate(self.parts)
        )
        return replace(self, parts=parts)


class Opener:
    """Turns scenes into line-ups for one set of outputs. Files stay open from one scene to the next."""

    def __init__(self, outputs: int, target_lufs: float, pages: Pages, room: Room = STRAIGHT) -> None:
        self._outputs = outputs
        self._target_lufs = target_lufs
        self._pages = pages
        self._room = room
        self._open: dict[str, Pcm] = {}

    def forget(self) -> None:
        """Open every file anew from now on."""
        self._open = {}

    def lineup(self, scene: Scene, *, afresh: bool = False) -> Lineup:
        """Open what the scene names. A layer whose file cannot be opened leaves its strip empty."""
        parts: list[Part | None] = [None] * STRIPS
        release = [fade_frames(scene.release_s)] * STRIPS
        opened: dict[str, Pcm] = {}
        for layer in scene.layers:
            release[layer.strip] = fade_frames(layer.fade_s)
            pcm = self._pcm(layer.path, layer.start_frame)
            if pcm is not None:
                opened[layer.path] = pcm
                parts[layer.strip] = self._part(layer, pcm, muted=layer.muted or (scene.solo and not layer.solo))
        self._open = opened
        missing = len(scene.layers) - sum(part is not None for part in parts)
        return Lineup(tuple(parts), tuple(release), missing, afresh)

    def cue(self, cue_id: str, path: str, gain_db: float) -> Part | None:
        """A file to be played once, at once; None if it cannot be opened."""
        pcm = self._pcm(path, 0)
        if pcm is None:
            return None
        short = fade_frames(0)
        place = self._place(pcm, 0.0)
        return Part(
            cue_id, path, once(pcm.samples), place.gains(db_to_gain(gain_db)), place, short, ending_frames=short
        )

    def _pcm(self, path: str, frame: int) -> Pcm | None:
        known = self._open.get(path)
        if known is not None:
            return known
        try:
            pcm = open_pcm(path)
        except PcmError as error:
            log.warning("%s", error)
            return None
        self._pages.fetch(pcm.samples, frame, FIRST_FRAMES)
        return pcm

    def _part(self, layer: Layer, pcm: Pcm, *, muted: bool) -> Part:
        fader = 0.0 if muted else db_to_gain(layer.gain_db)
        place = self._place(pcm, layer.pan)
        loops = layer.kind == "soundscape"
        return Part(
            song_id=layer.song_id,
            path=layer.path,
            source=looped(pcm.samples, layer.loop or pcm.loop) if loops else once(pcm.samples),
            gains=place.gains(fader),
            place=place,
            fade_frames=fade_frames(layer.fade_s),
            law=layer.law,
            start_frame=layer.start_frame,
            ending_frames=0 if loops else min(round(ENDING_S * SAMPLE_RATE), pcm.frames // 2),
            muted=muted,
        )

    def _place(self, pcm: Pcm, pan: float) -> Place:
        unit = pcm.scale * db_to_gain(min(self._target_lufs - pcm.loudness_lufs, MAKEUP_LIMIT_DB))
        return Place(self._room, self._outputs, pcm.info.channels, pan, unit)
