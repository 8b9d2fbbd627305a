"""What every engine promises. Real time and offline differ only in who asks for the next block."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

from mixer.scene import Scene, db_to_gain

HEAL_AFTER_S = 3.0


class EngineError(Exception):
    """No sound can be made: says which device and what to do about it."""


class DeviceRefusedError(EngineError):
    """The device is there but does not open for this engine; another engine may fare better."""


@dataclass(frozen=True, slots=True)
class MasterControl:
    """The two hands on the whole mix. Each change is a ramp of 10–30 ms, never a step.

    gain_db: at most 0; the master only takes away, so nothing behind the limiter can be louder than it.
    hush: a quiet moment (an announcement, a closing): the mix goes down by `hush_db` and stays there.
    """

    gain_db: float = 0.0
    mute: bool = False
    hush: bool = False
    hush_db: float = -24.0

    def __post_init__(self) -> None:
        for name in ("gain_db", "hush_db"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"master {name} is {getattr(self, name)}; give a level in dB")

    @property
    def amplitude(self) -> float:
        """The factor on the whole mix, 0 … 1."""
        if self.mute:
            return 0.0
        return db_to_gain(min(0.0, self.gain_db) + (min(0.0, self.hush_db) if self.hush else 0.0))


@dataclass(frozen=True, slots=True)
class StripStatus:
    """One strip as it sounds now. Levels are linear amplitudes after the fader, 0 … 1."""

    song_id: str | None = None
    position_frame: int = 0
    gain_db: float = -120.0
    peak: float = 0.0
    rms: float = 0.0


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """What an engine knows of itself. `frames` counts what was handed out since it opened.

    missing_files: layers of the present scene whose file could not be opened. peak, rms: the mix as handed
    out. dead_air_s: seconds in which layers should have been heard but our own output was below −60 dBFS;
    silent_for_s: how long that has lasted now. faults: slabs that failed and were handed out as silence.
    underruns: blocks that came later than one block and one device buffer. callback_ms_…: how long a slab, which
    the device's callback is fed from, takes to render; of the last seconds. longest_gap_ms: between two slabs.
    longest_gil_ms: for which a slab that was due waited for the interpreter.
    on_device: whether a device takes the blocks; else a clock does, and nobody hears them. devices_lost,
    devices_reopened: how often one went away and came back. heals: how often a scene that should have been
    heard was not, for `HEAL_AFTER_S`, and was begun anew. lacks: what this engine cannot do.
    """

    engine: str
    device: str
    channels: int
    block: int
    frames: int = 0
    underruns: int = 0
    missing_files: int = 0
    clipped_samples: int = 0
    limiter_s: float = 0.0
    callback_ms_p50: float = 0.0
    callback_ms_p99: float = 0.0
    callback_ms_max: float = 0.0
    peak: float = 0.0
    rms: float = 0.0
    dead_air_s: float = 0.0
    silent_for_s: float = 0.0
    faults: int = 0
    longest_gap_ms: float = 0.0
    longest_gil_ms: float = 0.0
    on_device: bool = False
    devices_lost: int = 0
    devices_reopened: int = 0
    heals: int = 0
    lacks: tuple[str, ...] = ()
    strips: tuple[StripStatus, ...] = field(default_factory=tuple)


class Engine(Protocol):
    """Turns scenes into sound. No method blocks for longer than a millisecond, except `close`."""

    def apply(self, scene: Scene) -> None:
        """Make this the scene; it takes effect at the next slab. A file that cannot be opened leaves its
        strip silent and is counted in `missing_files`; the rest of the scene goes on."""

    def control(self, master: MasterControl) -> None:
        """Set the whole mix's gain, mute and hush; takes effect at the next device block."""

    def cue(self, cue_id: str, path: str, gain_db: float = 0.0, until_s: float = math.inf) -> None:
        """Play a file once on the cue strip, beside the sixteen; a repeated id is ignored.

        until_s: when it must be over, on the machine's boot time (offline: the engine's own frames, in seconds).
        It fades out by then, and is not begun at all once there is no time left. Nor is it while the room is
        hushed or muted, and what sounds when that comes fades out.
        """

    def status(self) -> EngineStatus:
        """A snapshot; cheap enough for ten a second."""

    def close(self) -> None:
        """Fade out, then let the device go. Never deadlocks."""
