"""From any audio file to the cache file: 48 kHz, at most two channels, no DC, peak at −1 dBFS, measured.

The file is decoded twice, once to measure and once to write: less wear than a float copy on the card, and
memory stays small however long it is. Belongs in a process of its own, never beside the audio callback.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from mixer.dynamics import TAPS, interpolated, interpolation_taps
from mixer.loudness import LoudnessMeter
from mixer.pcm import PcmError, PcmInfo, scale_for_peak, write_pcm
from mixer.scene import SAMPLE_RATE, Loop

Block = npt.NDArray[np.float32]

BLOCK = 65536
RATES = range(4_000, 400_000)
SHORTEST_S = 0.020
SILENT_PEAK = 10 ** (-90 / 20)
DC_WORTH_REMOVING = 1e-4
_HALF = math.sqrt(0.5)

# How more than two channels (in the order of WAV) come down to two, left row and right row; LFE is left out.
_DOWNMIX: dict[int, tuple[tuple[float, ...], tuple[float, ...]]] = {
    3: ((1, 0, _HALF), (0, 1, _HALF)),
    4: ((1, 0, _HALF, 0), (0, 1, 0, _HALF)),
    5: ((1, 0, _HALF, _HALF, 0), (0, 1, _HALF, 0, _HALF)),
    6: ((1, 0, _HALF, 0, _HALF, 0), (0, 1, _HALF, 0, 0, _HALF)),
    8: ((1, 0, _HALF, 0, _HALF, 0, _HALF, 0), (0, 1, _HALF, 0, 0, _HALF, 0, _HALF)),
}


def decode_to_pcm(
    source: Path,
    target: Path,
    *,
    loop: Loop | None = None,
    progress: Callable[[float], None] | None = None,
) -> PcmInfo:
    """Make the cache file `target` from the audio file `source`; returns its header.

    progress: called with the share done, 0 … 1. Raises `PcmError` for a file that is unreadable, empty,
    silent, too short, or holds samples that are not numbers; `target` is then left as it was.
    """
    report = progress or _ignore
    decoded = Decoded(source, lambda share: report(share / 2))
    measured = _measure(source, decoded)
    info = measured.info(loop)
    decoded.report = lambda share: report(0.5 + share / 2)
    info = write_pcm(target, decoded, info, offset=measured.offset)
    report(1.0)
    return info


class Decoded:
    """The file as 48 kHz float32 blocks (channels, n); each iteration decodes it anew."""

    def __init__(self, path: Path, report: Callable[[float], None]) -> None:
        self.path = path
        self.report = report
        with self._open() as file:
            rate, frames, channels = file.samplerate, file.frames, file.channels
        if frames == 0:
            raise PcmError(f"{path}: no sound in it; upload it again")
        if rate not in RATES:
            raise PcmError(f"{path}: sampled at {rate} Hz; save it at 44.1 or 48 kHz and upload it again")
        self._rate, self._frames = rate, frames
        self._matrix = _downmix(path, channels)
        self.channels = min(channels, 2)

    def __iter__(self) -> Iterator[Block]:
        stream = soxr.ResampleStream(self._rate, SAMPLE_RATE, self.channels, dtype="float32", quality="HQ")
        done = 0
        for block in self._blocks():
            done += len(block)
            yield self._resampled(stream, block, last=False)
            self.report(min(1.0, done / self._frames))
        yield self._resampled(stream, np.zeros((0, self.channels), np.float32), last=True)

    def _open(self) -> soundfile.SoundFile:
        try:
            return soundfile.SoundFile(self.path)
        except (soundfile.SoundFileError, OSError, TypeError) as error:
            raise PcmError(f"{self.path}: not a sound file we can read; save it as WAV, FLAC, OGG or MP3") from error

    def _blocks(self) -> Iterator[Block]:
        """Blocks of (n, channels) at the file's own rate, at most two channels."""
        with self._open() as file:
            while True:
                try:
                    block = file.read(BLOCK, dtype="float32", always_2d=True)
                except soundfile.SoundFileError as error:
                    raise PcmError(f"{self.path}: damaged; upload it again") from error
                if not len(block):
                    return
                if not np.isfinite(block).all():
                    raise PcmError(f"{self.path}: has samples that are not numbers; export it again")
                yield block if self._matrix is None else block @ self._matrix

    def _resampled(self, stream: soxr.ResampleStream, block: Block, *, last: bool) -> Block:
        if self._rate == SAMPLE_RATE:
            return block.T
        resampled: Block = stream.resample_chunk(block, last=last).reshape(-1, self.channels).T
        return resampled


class Measured:
    """What one pass over the blocks tells."""

    def __init__(self, path: Path, channels: int) -> None:
        self._path = path
        self._channels = channels
        self._loudness = LoudnessMeter(channels)
        self._taps = interpolation_taps()
        self._tail = np.zeros((channels, TAPS - 1), np.float32)
        self._highest = np.full(channels, -math.inf)
        self._lowest = np.full(channels, math.inf)
        self._swing = np.zeros((2, channels))  # highest and lowest between samples
        self._sum = np.zeros(channels)
        self._frames = 0

    def feed(self, block: Block) -> None:
        if not block.shape[1]:
            return
        self._frames += block.shape[1]
        self._sum += block.sum(axis=1, dtype=np.float64)
        self._highest = np.maximum(self._highest, block.max(axis=1))
        self._lowest = np.minimum(self._lowest, block.min(axis=1))
        self._loudness.feed(block)
        self._interpolate(np.concatenate((self._tail, block), axis=1))

    def _interpolate(self, line: Block) -> None:
        for channel, samples in enumerate(line):
            between = interpolated(samples, self._taps)
            self._swing[0, channel] = max(self._swing[0, channel], float(between.max()))
            self._swing[1, channel] = min(self._swing[1, channel], float(between.min()))
        self._tail = line[:, 1 - TAPS :].copy()

    @property
    def offset(self) -> tuple[float, ...]:
        """DC per channel, to be taken off; 0 where it is too small to matter."""
        mean = self._sum / max(1, self._frames)
        return tuple(float(dc) if abs(dc) > DC_WORTH_REMOVING else 0.0 for dc in mean)

    def info(self, loop: Loop | None) -> PcmInfo:
        """The header; raises `PcmError` for what is too short or silent."""
        offset = np.array(self.offset)
        peak = float(np.maximum(self._highest - offset, offset - self._lowest).max())
        if self._frames < SHORTEST_S * SAMPLE_RATE:
            raise PcmError(f"{self._path}: shorter than {SHORTEST_S * 1000:.0f} ms; take a longer file")
        lufs = self._loudness.integrated_lufs()
        if peak < SILENT_PEAK or not math.isfinite(lufs):
            raise PcmError(f"{self._path}: silent; upload a file with sound in it")
        true_peak = max(peak, float(np.maximum(self._swing[0] - offset, offset - self._swing[1]).max()))
        return PcmInfo(
            channels=self._channels,
            frames=self._frames,
            scale=scale_for_peak(peak),
            loudness_lufs=round(lufs, 3),
            true_peak_dbtp=round(20 * math.log10(true_peak), 3),
            loop=loop,
        )


def _measure(path: Path, decoded: Decoded) -> Measured:
    measured = Measured(path, decoded.channels)
    for block in decoded:
        measured.feed(block)
    return measured


def _downmix(path: Path, channels: int) -> Block | None:
    """Factors (file channels, 2), or None where nothing needs mixing."""
    if channels <= 2:
        return None
    if channels not in _DOWNMIX:
        raise PcmError(f"{path}: {channels} channels; save it in stereo and upload it again")
    return np.array(_DOWNMIX[channels], np.float32).T


def _ignore(share: float) -> None:
    """No one asked for progress."""
