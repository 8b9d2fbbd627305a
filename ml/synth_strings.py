"""Notes that are struck or plucked: a felt piano, a kalimba, glass bells, a harp. Each is a sum of fading partials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml.synth_noise import RATE_HZ, Sound
from ml.synth_pad import hz_of

Partial = tuple[float, float, float]  # times the pitch, level, seconds to fall by 1/e

AIR_HZ = 11_000.0  # nothing of a note lies above
_POWERS = 512


@dataclass(frozen=True, slots=True)
class Instrument:
    """How one instrument sounds: its partials by pitch, how soft it begins, how wide its two strings differ."""

    name: str
    attack_s: float
    detune_cents: float
    thump: float  # level of the soft knock at the start
    thump_hz: float

    def partials(self, pitch: float) -> Sequence[Partial]:
        """The partials of a note at this MIDI pitch."""
        return PARTIALS[self.name](pitch)

    def note(self, rng: np.random.Generator, pitch: float, seconds: float) -> Sound:
        """One note at full strength, level about 1, falling silent after `seconds`: (2, frames)."""
        frames = int(seconds * RATE_HZ)
        sound = np.zeros((2, frames), dtype=np.float32)
        for times, level, decay_s in self.partials(pitch):
            hz = hz_of(pitch) * times
            if hz < AIR_HZ:
                self._add_partial(rng, sound, hz, level, decay_s)
        self._add_thump(rng, sound)
        time_s = np.arange(frames, dtype=np.float32) / RATE_HZ
        shape = np.minimum(time_s / self.attack_s, 1) * np.clip((seconds - time_s) / 0.25, 0, 1)
        return sound * np.sin(np.pi / 2 * shape).astype(np.float32) ** 2

    def _add_partial(self, rng: np.random.Generator, sound: Sound, hz: float, level: float, decay_s: float) -> None:
        """Two strings a little apart, one nearer to each ear."""
        count = min(sound.shape[1], int(7 * decay_s * RATE_HZ))
        phase = rng.uniform(0, 2 * np.pi)
        for nearer, side in enumerate((-1, 1)):
            string = np.float32(level) * fading(hz * 2 ** (side * self.detune_cents / 2400), decay_s, phase, count)
            sound[nearer, :count] += np.float32(0.7) * string
            sound[1 - nearer, :count] += np.float32(0.4) * string

    def _add_thump(self, rng: np.random.Generator, sound: Sound) -> None:
        count = min(sound.shape[1], int(0.09 * RATE_HZ))
        time_s = np.arange(count) / RATE_HZ
        knock = rng.standard_normal(count)
        smooth = max(2, int(RATE_HZ / self.thump_hz / 3))
        knock = np.convolve(knock, np.hanning(smooth + 2)[1:-1], "same")
        knock *= np.exp(-time_s / 0.016) / max(float(np.abs(knock).max()), 1e-9)
        sound[:, :count] += (self.thump * knock).astype(np.float32)


def fading(hz: float, decay_s: float, phase: float, frames: int) -> Sound:
    """A tone that dies away, (frames,), as powers of one complex number: products in place of sines."""
    step = -1 / (decay_s * RATE_HZ) + 2j * np.pi * hz / RATE_HZ
    fine = np.exp(step * np.arange(_POWERS) + 1j * phase)
    coarse = np.exp(step * _POWERS * np.arange(-(-frames // _POWERS)))
    return np.outer(coarse.astype(np.complex64), fine.astype(np.complex64)).imag.ravel()[:frames]


def _piano(pitch: float) -> Sequence[Partial]:
    """Felt on steel: dark, slightly stretched partials; low notes ring longer."""
    ring_s = 2.6 * 2 ** ((60 - pitch) / 22)
    stretch = 3.5e-4 * 2 ** ((pitch - 60) / 12)
    return [
        (
            k * float(np.sqrt(1 + stretch * k * k)),
            abs(float(np.sin(np.pi * k * 0.137))) / k**1.15 * float(np.exp(-(k - 1) * (pitch - 30) / 130)),
            ring_s / (1 + 0.42 * (k - 1)),
        )
        for k in range(1, 11)
    ]


def _kalimba(pitch: float) -> Sequence[Partial]:
    """A steel tongue on a wooden box: nearly a pure tone, with a bright click that is gone at once."""
    ring_s = 1.15 * 2 ** ((69 - pitch) / 24)
    return [(1, 0.85, ring_s), (2.0, 0.12, ring_s * 0.5), (3.01, 0.05, ring_s * 0.3), (5.42, 0.10, 0.07),
            (8.9, 0.03, 0.03)]  # fmt: skip


def _glass(pitch: float) -> Sequence[Partial]:
    """Small bells: a clear tone, its octave, and a shimmer above."""
    ring_s = 2.3 * 2 ** ((74 - pitch) / 26)
    return [(1, 0.8, ring_s), (2.002, 0.26, ring_s * 0.62), (3.01, 0.09, ring_s * 0.42), (4.17, 0.07, ring_s * 0.22),
            (5.43, 0.035, 0.22), (0.5, 0.06, ring_s)]  # fmt: skip


def _harp(pitch: float) -> Sequence[Partial]:
    """A gut string plucked in the middle: odd partials lead, the high ones fade first."""
    ring_s = 1.9 * 2 ** ((60 - pitch) / 20)
    return [
        (k * (1 + 6e-5 * k * k), (0.8 if k % 2 else 0.35) / k**1.5, ring_s / (0.55 + 0.45 * k)) for k in range(1, 9)
    ]


PARTIALS = {"piano": _piano, "kalimba": _kalimba, "glass": _glass, "harp": _harp}

PIANO = Instrument("piano", attack_s=0.007, detune_cents=1.6, thump=0.035, thump_hz=260)
KALIMBA = Instrument("kalimba", attack_s=0.003, detune_cents=1.0, thump=0.10, thump_hz=420)
GLASS = Instrument("glass", attack_s=0.009, detune_cents=2.2, thump=0.0, thump_hz=1000)
HARP = Instrument("harp", attack_s=0.004, detune_cents=1.4, thump=0.02, thump_hz=500)
