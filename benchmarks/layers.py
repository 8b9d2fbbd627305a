"""Sixteen layers to measure with: noise under a tone, all different, as cache files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mixer.pcm import PcmInfo, write_pcm
from mixer.scene import SAMPLE_RATE, STRIPS, Loop


def write_layers(folder: Path, seconds: float, count: int = STRIPS) -> list[Path]:
    """Stereo, at target loudness, so that a fader is all the gain there is."""
    paths = []
    for index in range(count):
        random = np.random.default_rng(index)
        frames = round(seconds * SAMPLE_RATE)
        noise = random.standard_normal((2, frames), dtype=np.float32) * np.float32(0.08)
        tone = 0.2 * np.sin(2 * np.pi * (110 + 37 * index) * np.arange(frames) / SAMPLE_RATE)
        samples = np.clip(noise + tone.astype(np.float32), -0.99, 0.99)
        path = folder / f"{index:02d}.pcm"
        write_pcm(path, [samples], PcmInfo(2, frames, 1 / 32768, -20.0, -1.0, Loop()))
        paths.append(path)
    return paths
