"""Integrated loudness after ITU-R BS.1770: K-weighting, 400 ms blocks, two gates; streaming, numpy only."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mixer.scene import SAMPLE_RATE

PIECE = SAMPLE_RATE // 10  # 100 ms: four of them make one gating block, each block begins one later
PIECES_PER_STEP = 11
STEP = PIECE * PIECES_PER_STEP
WINDOW = 65536  # one transform: STEP new frames behind an overlap that outlasts the filters' memory
OVERLAP = WINDOW - STEP
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0

# The two filters as the standard gives them for 48 kHz: the head's shelf, then the low cut (b, a).
_SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
_LOW_CUT = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))


class LoudnessMeter:
    """Feed it 48 kHz float32 (channels, n), any n; ask for the loudness at the end."""

    def __init__(self, channels: int) -> None:
        self._response = _response()
        self._window = np.zeros((channels, WINDOW))
        self._filled = 0  # new frames in the window
        self._frames = 0
        self._pieces: list[npt.NDArray[np.float64]] = []  # summed squares per 100 ms, all channels

    def feed(self, block: npt.NDArray[np.float32]) -> None:
        done, frames = 0, block.shape[1]
        self._frames += frames
        while done < frames:
            take = min(STEP - self._filled, frames - done)
            start = OVERLAP + self._filled
            self._window[:, start : start + take] = block[:, done : done + take]
            self._filled, done = self._filled + take, done + take
            if self._filled == STEP:
                self._step()

    def integrated_lufs(self) -> float:
        """Loudness of everything fed; −inf if nothing passes the gates. Under 400 ms, of all there is."""
        if self._filled:
            self._window[:, OVERLAP + self._filled :] = 0
            self._step()
        pieces = np.concatenate(self._pieces) if self._pieces else np.zeros(0)
        whole = self._frames // PIECE
        if whole < 4:
            return _lufs(float(pieces.sum()) / max(1, self._frames))
        pieces = pieces[:whole]
        blocks = (pieces[:-3] + pieces[1:-2] + pieces[2:-1] + pieces[3:]) / (4 * PIECE)
        return _gated(blocks)

    def _step(self) -> None:
        spectrum = np.fft.rfft(self._window, axis=1) * self._response
        filtered = np.fft.irfft(spectrum, WINDOW, axis=1)[:, OVERLAP:]
        squares = np.square(filtered).sum(axis=0)
        self._pieces.append(squares.reshape(PIECES_PER_STEP, PIECE).sum(axis=1))
        self._window[:, :OVERLAP] = self._window[:, STEP:]
        self._filled = 0


def _response() -> npt.NDArray[np.complex128]:
    bins = [np.fft.rfft(b, WINDOW) / np.fft.rfft(a, WINDOW) for b, a in (_SHELF, _LOW_CUT)]
    return bins[0] * bins[1]


def _gated(blocks: npt.NDArray[np.float64]) -> float:
    loud = blocks[blocks > _power(ABSOLUTE_GATE_LUFS)]
    if not len(loud):
        return -math.inf
    gate = float(loud.mean()) * 10 ** (RELATIVE_GATE_LU / 10)
    return _lufs(float(loud[loud > gate].mean()))


def _power(lufs: float) -> float:
    return float(10 ** ((lufs + 0.691) / 10))


def _lufs(power: float) -> float:
    return -0.691 + 10 * math.log10(power) if power > 0 else -math.inf
