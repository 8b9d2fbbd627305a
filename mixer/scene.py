"""The input language of every engine: a scene is one immutable value, swapped in whole."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, NewType

SAMPLE_RATE = 48_000
STRIPS = 16
SILENCE_DB = -120.0

SongId = NewType("SongId", str)
Kind = Literal["soundscape", "instrumental"]
Law = Literal["equal_power", "linear"]


class SceneError(ValueError):
    """A scene that no engine may be given: says which layer and why."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One term that put a layer where it is, as data: `kind` names the term, `detail` its values."""

    kind: str
    detail: dict[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Loop:
    """Where a bed turns round, in frames of the cache file, and how it crosses the seam.

    `end_frame=None` is the end of the file. The seam fades the last `xfade_s` seconds before `end_frame`
    into the `xfade_s` seconds before `start_frame + xfade`, by `law`.
    """

    start_frame: int = 0
    end_frame: int | None = None
    xfade_s: float = 1.0
    law: Law = "equal_power"


@dataclass(frozen=True, slots=True)
class Layer:
    """One song on one strip.

    strip: 0 … 15.
    path: a `.pcm` cache file (see `mixer.pcm`).
    gain_db: fader gain in dB, 0 = as loud as the target loudness says; `SILENCE_DB` or below is off.
    pan: −1 left … +1 right.
    start_frame: where playback begins if the song is not yet sounding on this strip.
    muted, solo: a muted layer plays on unheard; so does every layer without solo while another one has it.
    fade_s: seconds in which the strip goes from what sounds now to this layer's gain (and song).
    """

    strip: int
    song_id: SongId
    path: str
    kind: Kind
    gain_db: float
    pan: float = 0.0
    start_frame: int = 0
    fade_s: float = 8.0
    law: Law = "equal_power"
    loop: Loop | None = None
    muted: bool = False
    solo: bool = False
    held: bool = False
    title: str = ""
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """At most `STRIPS` layers. A strip that no layer names fades out in `release_s` seconds."""

    layers: tuple[Layer, ...] = ()
    release_s: float = 8.0

    def __post_init__(self) -> None:
        if len(self.layers) > STRIPS:
            raise SceneError(f"{len(self.layers)} layers, but there are {STRIPS} strips")
        taken: set[int] = set()
        for layer in self.layers:
            _check_layer(layer)
            if layer.strip in taken:
                raise SceneError(f"two layers on strip {layer.strip}")
            taken.add(layer.strip)
        if not (math.isfinite(self.release_s) and self.release_s >= 0):
            raise SceneError(f"release of {self.release_s} s")

    @property
    def solo(self) -> bool:
        """Whether some layers are to be heard alone."""
        return any(layer.solo for layer in self.layers)

    def on_strip(self, strip: int) -> Layer | None:
        return next((layer for layer in self.layers if layer.strip == strip), None)


def _check_layer(layer: Layer) -> None:
    where = f"layer {layer.title or layer.song_id!r}"
    if not 0 <= layer.strip < STRIPS:
        raise SceneError(f"{where}: strip {layer.strip} is not 0 … {STRIPS - 1}")
    if not math.isfinite(layer.gain_db) or layer.gain_db > 24:
        raise SceneError(f"{where}: gain of {layer.gain_db} dB")
    if not -1 <= layer.pan <= 1:  # also refuses NaN
        raise SceneError(f"{where}: pan of {layer.pan}")
    if not (math.isfinite(layer.fade_s) and 0 <= layer.fade_s <= 600):
        raise SceneError(f"{where}: fade of {layer.fade_s} s is not 0 … 600 s")
    if layer.start_frame < 0:
        raise SceneError(f"{where}: starts at frame {layer.start_frame}")


def db_to_gain(db: float) -> float:
    """Amplitude for a level in dB; `SILENCE_DB` and below are exactly 0."""
    return 0.0 if db <= SILENCE_DB else float(10 ** (db / 20))


def gain_to_db(gain: float) -> float:
    """Level in dB for an amplitude; 0 is `SILENCE_DB`."""
    return SILENCE_DB if gain <= 10 ** (SILENCE_DB / 20) else 20 * math.log10(gain)
