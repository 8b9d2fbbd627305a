"""Songs that are one tone each, and how loud that tone is in what was rendered or recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixer.pcm import PcmInfo, scale_for_peak, write_pcm
from mixer.scene import SAMPLE_RATE, Loop


def sine_song(folder: Path, number: int, hz: float, amplitude: float = 0.1) -> Path:
    """A second of it, at −20 dBFS unless told otherwise, that loops without a seam."""
    tone = np.sin(2 * np.pi * hz * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32) * np.float32(amplitude)
    path = folder / f"{number}.pcm"
    write_pcm(path, [tone[None]], PcmInfo(1, len(tone), scale_for_peak(0.1), -23.0, -20.0, Loop(xfade_s=0.0)))
    return path


def level_db(sound: NDArray[Any], hz: int) -> float:
    """Of one tone. sound: shape (frames, channels), a whole number of the tone's periods."""
    spectrum = np.abs(np.fft.rfft(sound.mean(axis=1)))
    return float(20 * np.log10(spectrum[round(hz * len(sound) / SAMPLE_RATE)] + 1e-12))
