"""Cache files with known numbers in them: at −20 LUFS and a scale of 1/32768 the bus adds no gain of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from mixer_sounds import HALF, UNIT, MakePcm, Samples

from mixer.pcm import PcmInfo, write_pcm
from mixer.scene import Loop
from mixer.sdl import end_audio


@pytest.fixture(autouse=True)
def no_audio_is_left() -> Iterator[None]:
    """SDL keeps the driver it began with as long as the process lives: the next test would sound through this one's,
    and its disk driver, no longer told where, writes into the folder that we stand in."""
    yield
    if "pygame._sdl2.audio" in sys.modules:
        end_audio()


@pytest.fixture
def make_pcm(tmp_path: Path) -> MakePcm:
    """make_pcm(name, samples, loop=…, lufs=…) -> path; float32 (channels, n) in −1 … +1."""

    def make(name: str, samples: Samples, *, loop: Loop | None = None, lufs: float = -20.0) -> str:
        path = tmp_path / f"{name}.pcm"
        samples = np.atleast_2d(np.asarray(samples, np.float32))
        write_pcm(path, [samples], PcmInfo(*samples.shape, UNIT, lufs, -1.0, loop))
        return str(path)

    return make


@pytest.fixture
def steady(make_pcm: MakePcm) -> str:
    """20 s of the constant ½ on two channels: what comes out is the gain, halved."""
    return make_pcm("steady", np.full((2, 20 * 48_000), HALF, np.float32), loop=Loop(law="linear"))
