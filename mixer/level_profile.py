"""How loud a sound is at each tenth of a second: meters for an engine that cannot see its own output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mixer.scene import SAMPLE_RATE

PIECE = SAMPLE_RATE // 10


@dataclass(frozen=True, slots=True, eq=False)
class LevelProfile:
    """Linear amplitudes, 1.0 = int16 full scale; one of each for every `PIECE` frames."""

    peak: npt.NDArray[np.float32]
    rms: npt.NDArray[np.float32]

    @classmethod
    def of(cls, samples: npt.NDArray[np.int16]) -> LevelProfile:
        """From interleaved int16 (frames, channels); an unfinished last piece counts as one."""
        peaks, levels = [], []
        for start in range(0, len(samples), PIECE):
            piece = samples[start : start + PIECE].astype(np.float32) / np.float32(32768)
            peaks.append(float(np.abs(piece).max()))
            levels.append(float(np.sqrt(np.square(piece).mean())))
        return cls(np.array(peaks, np.float32), np.array(levels, np.float32))

    def at(self, frame: int) -> tuple[float, float]:
        """(peak, rms) about the frame, which may have gone round many times."""
        piece = (frame // PIECE) % len(self.peak)
        return float(self.peak[piece]), float(self.rms[piece])
