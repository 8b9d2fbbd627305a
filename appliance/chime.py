"""A short sound for each tap, so that nobody has to look whether it was taken."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from appliance.model import TapOutcome, TapResult
from mixer.engine import Engine
from mixer.pcm import PcmError, PcmInfo, read_info, scale_for_peak, write_pcm
from mixer.scene import SAMPLE_RATE

log = logging.getLogger(__name__)

GAIN_DB = -3.0
OVER_AFTER_S = 3.0  # somebody who heard nothing for so long has looked at the lamp or the screen
PEAK = 0.25
SAMPLES_LUFS = -20.0  # as loud as the songs: what they are brought to
NOTE_S, RING_S = 0.11, 0.45
FADE_S = 0.004
PARTIALS = ((1.0, 1.0), (2.0, 0.25), (3.01, 0.08))  # (times the note, amplitude): a small wooden bar

Kind = Literal["in", "out", "phone"]
NOTES_HZ: Mapping[Kind, tuple[float, ...]] = {
    "in": (659.26, 987.77),  # up: welcome
    "out": (987.77, 659.26),  # down: goodbye
    "phone": (440.0, 440.0),  # twice the same: look at the screen
}
KINDS: Mapping[TapOutcome, Kind] = {"in": "in", "stay": "in", "out": "out", "phone": "phone", "again": "phone"}


class Chimes:
    """Made once into `folder`, then only played."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: dict[Kind, str] = {}

    def prepare(self) -> None:
        """Make what is missing or torn. Without a disk to write to there is no chime, and no error."""
        for kind, notes in NOTES_HZ.items():
            path = self._folder / f"{kind}.pcm"
            try:
                if not _is_whole(path):
                    self._folder.mkdir(parents=True, exist_ok=True)
                    _write(path, render(notes))
                self._paths[kind] = str(path)
            except (OSError, PcmError) as error:
                log.warning("no chime for taps: %s", error)

    def play(self, engine: Engine, tap: TapResult, tapped_s: float) -> None:
        """Sound this tap's chime, once however often it is asked for, and not at all when it comes late.

        tapped_s: when, on boot time.
        """
        path = self._paths.get(KINDS[tap.outcome])
        if path is not None:
            engine.cue(f"tap {tap.tap_id}", path, GAIN_DB, tapped_s + OVER_AFTER_S)


def render(notes_hz: tuple[float, ...]) -> npt.NDArray[np.float32]:
    """The notes one after the other, each ringing on: float32 (1, frames), peak `PEAK`."""
    step, ring = round(NOTE_S * SAMPLE_RATE), round(RING_S * SAMPLE_RATE)
    sound = np.zeros(step * (len(notes_hz) - 1) + ring)
    time_s = np.arange(ring) / SAMPLE_RATE
    shape = np.minimum(time_s / FADE_S, 1) * np.exp(-time_s / 0.09) * np.minimum((RING_S - time_s) / FADE_S, 1)
    for number, note_hz in enumerate(notes_hz):
        bar = sum(level * np.sin(2 * np.pi * note_hz * times * time_s) for times, level in PARTIALS)
        sound[number * step :][:ring] += shape * bar
    samples: npt.NDArray[np.float32] = (sound * (PEAK / np.abs(sound).max())).astype(np.float32)[np.newaxis]
    return samples


def _is_whole(path: Path) -> bool:
    try:
        read_info(path)
    except PcmError:
        return False
    return True


def _write(path: Path, samples: npt.NDArray[np.float32]) -> None:
    peak_dbtp = float(20 * np.log10(PEAK))
    info = PcmInfo(1, samples.shape[1], scale_for_peak(PEAK), SAMPLES_LUFS, peak_dbtp)
    write_pcm(path, [samples], info, offset=(0.0,))
