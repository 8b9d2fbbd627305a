"""Room, place and level: reverb around the circle, and the last step that every sound of the library takes."""

from __future__ import annotations

import numpy as np

from ml.synth_noise import RATE_HZ, Sound

PEAK = 0.7
TARGET_RMS = 0.07  # −23 dBFS: a soft ambience, with room for its loud moments
_BLOCK = RATE_HZ // 20
_BEFORE_AFTER = 10  # blocks on either side of the seam that must be equally loud


def placed(mono: Sound, place: float) -> Sound:
    """A mono sound (n,) at −1 (left) … 1 (right), equal power: (2, n)."""
    angle = (min(max(place, -1.0), 1.0) + 1) * np.pi / 4
    return np.stack([mono * np.float32(np.cos(angle)), mono * np.float32(np.sin(angle))])


def reverb(rng: np.random.Generator, sound: Sound, *, seconds: float, wet: float, dark_hz: float = 4000) -> Sound:
    """The sound (2, n) in a room whose tail falls by 60 dB in `seconds`; around the circle, so it loops."""
    frames = sound.shape[-1]
    length = min(frames, int(seconds * RATE_HZ))
    time_s = np.arange(length, dtype=np.float32) / RATE_HZ
    fall = np.exp(-6.9 * time_s / seconds)
    onset = np.minimum(time_s / 0.012, 1)
    damped = 1 / (1 + (np.fft.rfftfreq(frames, 1 / RATE_HZ) / dark_hz) ** 2)
    out = np.empty_like(sound)
    for ear in range(2):
        echo = (rng.standard_normal(length, dtype=np.float32) * fall * onset).astype(np.float32)
        response = np.fft.rfft(echo, frames) * damped.astype(np.float32)
        response *= np.float32(wet / np.sqrt(np.mean(np.abs(response) ** 2)))
        response[0] = 0
        out[ear] = np.fft.irfft(np.fft.rfft(sound[ear]) * (1 + response), frames)
    return out


def faded(sound: Sound, rise_s: float, fall_s: float) -> Sound:
    """The sound with a soft beginning and end, for pieces that start from silence."""
    frames = sound.shape[-1]
    for seconds, part in ((rise_s, slice(None)), (fall_s, slice(None, None, -1))):
        count = min(frames, int(seconds * RATE_HZ))
        ramp = np.sin(np.linspace(0, np.pi / 2, count, dtype=np.float32)) ** 2
        sound[..., part][..., :count] *= ramp
    return sound


def finished(sound: Sound, *, loop: bool = True) -> Sound:
    """The sound (2, n) as the library keeps it: no DC, at a common level, the peak at most 0.7: (n, 2)."""
    sound = sound - sound.mean(axis=1, keepdims=True)
    if loop:
        sound = np.roll(sound, -quiet_seam(sound), axis=1)
    rms = float(np.sqrt(np.mean(np.square(sound))))
    peak = float(np.abs(sound).max())
    if peak > 0:
        sound = sound * np.float32(min(TARGET_RMS / rms, PEAK / peak))
    return np.ascontiguousarray(sound.T, dtype=np.float32)


def quiet_seam(sound: Sound) -> int:
    """The frame of a closed sound (2, n) where it is best cut: as loud before as after, with the smallest step."""
    mono = sound.mean(axis=0)
    blocks = len(mono) // _BLOCK
    if blocks < 2 * _BEFORE_AFTER:
        return 0
    power = np.square(sound[:, : blocks * _BLOCK]).mean(axis=0).reshape(blocks, _BLOCK).mean(axis=1) + 1e-12
    around = np.concatenate([power[-_BEFORE_AFTER:], power, power[:_BEFORE_AFTER]])
    sums = np.convolve(around, np.ones(_BEFORE_AFTER), "valid")
    before, after = sums[:blocks], sums[_BEFORE_AFTER : _BEFORE_AFTER + blocks]
    block = int(np.abs(np.log(after / before)).argmin())
    near = np.arange(block * _BLOCK, block * _BLOCK + _BLOCK // 10)
    steps = np.abs(sound[:, near] - sound[:, near - 1]).max(axis=0)
    return int(near[steps.argmin()])
