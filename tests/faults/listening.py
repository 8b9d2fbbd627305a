"""What a recording says of the sound while something was broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from appliance.demo.recording import RATE, read_all

SILENT = 1e-4  # −80 dBFS


def recorded_s(recording: Path) -> float:
    return len(read_all(recording)) / RATE


def longest_silence_s(recording: Path, from_s: float) -> float:
    """The longest stretch without sound after `from_s`, in steps of 10 ms."""
    samples = np.abs(read_all(recording)[round(from_s * RATE) :]).max(axis=1)
    steps = samples[: len(samples) // 480 * 480].reshape(-1, 480).max(axis=1)
    longest = run = 0
    for step in steps:
        run = run + 1 if step < SILENT else 0
        longest = max(longest, run)
    return longest / 100
