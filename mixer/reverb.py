"""One reverb for the whole room: a feedback delay network of eight lines, worked a stretch at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mixer.envelope import Samples
from mixer.scene import SAMPLE_RATE

LINES = 8
STRETCH = 1024  # no line is shorter: so a stretch of all lines is known before it is written
SHORTEST_LINES = (1031, 1223, 1453, 1663, 1889, 2131, 2371, 2633)  # frames at size 0, prime to one another
LARGEST = 2.2  # times as long at size 1
DAMPING = 0.35  # how much each round mixes neighbouring samples: the highs go first
WET_AT_FULL = 0.7
SCATTER = 5  # what enters a line does so in as many taps: dense early, no row of single echoes
SCATTER_FRAMES = 960
INAUDIBLE = 1e-8


class Reverb:
    """Adds the room's answer to what the outputs play. `amount` and `size` go from 0 to 1."""

    def __init__(self, outputs: int, slab: int, amount: float, size: float) -> None:
        scale = 1 + (LARGEST - 1) * size
        self._delays = tuple(round(frames * scale) for frames in SHORTEST_LINES)
        self.decay_s = 0.8 + 2.4 * size  # until it is 60 dB down, at low frequencies
        kept = [10 ** (-3 * delay / (self.decay_s * SAMPLE_RATE)) for delay in self._delays]
        hadamard = _hadamard(LINES)
        self._feedback = (hadamard * np.array(kept)).astype(np.float32)
        heard_by = np.arange(LINES)[:, None] % outputs == np.arange(outputs)  # each output by as many lines
        self._send = (heard_by * np.sqrt(outputs / LINES)).astype(np.float32)
        self._take = (hadamard[:outputs] * (amount * WET_AT_FULL * np.sqrt(LINES / outputs))).astype(np.float32)
        self._scatter = _scatter()
        self._entering = np.zeros((LINES, SCATTER_FRAMES + slab), np.float32)
        self._past = max(self._delays) + 1
        self._line = np.zeros((LINES, self._past + slab), np.float32)
        self._slab = slab
        self._silent = True

    def add_to(self, mix: Samples) -> None:
        """Add to float32 (outputs, slab) in place."""
        if self._silent and not mix.any():
            return
        sent = self._scattered(mix)
        late = np.empty((LINES, STRETCH), np.float32)
        for start in range(0, self._slab, STRETCH):
            self._read(late, self._past + start)
            stretch = slice(start, start + STRETCH)
            mix[:, stretch] += self._take @ late
            here = self._line[:, self._past + start : self._past + start + STRETCH]
            np.matmul(self._feedback, late, out=here)
            here += sent[:, stretch]
        self._line[:, : self._past] = self._line[:, self._slab :]
        self._silent = bool(np.abs(self._line[:, : self._past]).max() < INAUDIBLE)
        if self._silent:  # or its last echoes would die in numbers too small for fast arithmetic
            self._line.fill(0)

    def _scattered(self, mix: Samples) -> Samples:
        """What each line is sent, in a handful of taps close to each other: (lines, slab)."""
        entering = self._entering
        np.matmul(self._send, mix, out=entering[:, SCATTER_FRAMES:])
        sent = np.zeros((LINES, self._slab), np.float32)
        for row, taps in enumerate(self._scatter):
            for offset, gain in taps:
                first = SCATTER_FRAMES - offset
                sent[row] += gain * entering[row, first : first + self._slab]
        entering[:, :SCATTER_FRAMES] = entering[:, self._slab :]
        return sent

    def _read(self, late: Samples, place: int) -> None:
        """What comes out of each line at `place`, a little darker than it went in."""
        for row, delay in enumerate(self._delays):
            first = place - delay
            np.multiply(self._line[row, first : first + STRETCH], np.float32(1 - DAMPING), out=late[row])
            late[row] += np.float32(DAMPING) * self._line[row, first - 1 : first - 1 + STRETCH]


def _scatter() -> tuple[tuple[tuple[int, np.float32], ...], ...]:
    """For each line (frames late, gain) of its taps; together they keep the power."""
    random = np.random.default_rng(8)
    gain = 1 / np.sqrt(SCATTER)
    return tuple(
        tuple(
            (int(offset), np.float32(sign * gain))
            for offset, sign in zip(
                random.integers(0, SCATTER_FRAMES, SCATTER), random.choice([-1, 1], SCATTER), strict=True
            )
        )
        for _ in range(LINES)
    )


def _hadamard(size: int) -> npt.NDArray[np.float64]:
    """Orthonormal, all entries of one size: every line hears every other."""
    matrix: npt.NDArray[np.float64] = np.ones((1, 1))
    while len(matrix) < size:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    matrix /= np.sqrt(size)
    return matrix
