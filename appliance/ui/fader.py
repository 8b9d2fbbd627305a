"""The fader's law: where a thumb stands for a level, as on a console: fine near 0 dB, coarse at the bottom."""

from __future__ import annotations

from bisect import bisect_right

from mixer.scene import SILENCE_DB, gain_to_db

# (position 0 … 1, dB), rising; straight lines between. The very bottom is off.
LAW = ((0.0, -60.0), (0.15, -40.0), (0.5, -15.0), (0.8, 0.0), (1.0, 6.0))
TOP_DB = LAW[-1][1]
FLOOR_DB = LAW[0][1]
METER_FLOOR_DB = -54.0


def position_of(gain_db: float) -> float:
    """Where the thumb stands for a gain: 0 at −60 dB and below, 1 at +6 dB and above."""
    if gain_db <= FLOOR_DB:
        return 0.0
    if gain_db >= TOP_DB:
        return 1.0
    upper = bisect_right([db for _, db in LAW], gain_db)
    (low, low_db), (high, high_db) = LAW[upper - 1], LAW[upper]
    return low + (gain_db - low_db) * (high - low) / (high_db - low_db)


def gain_at(position: float) -> float:
    """The gain in dB for a thumb at 0 … 1, in steps of 0.1 dB; `SILENCE_DB` at the very bottom."""
    if position <= 0:
        return SILENCE_DB
    if position >= 1:
        return TOP_DB
    upper = bisect_right([place for place, _ in LAW], position)
    (low, low_db), (high, high_db) = LAW[upper - 1], LAW[upper]
    return round(low_db + (position - low) * (high_db - low_db) / (high - low), 1)


def decibels(gain_db: float) -> str:
    """A gain as a label of at most four signs: `+2`, `0`, `−12`, `off`."""
    if gain_db <= FLOOR_DB:
        return "off"
    rounded = round(gain_db)
    return f"+{rounded}" if rounded > 0 else str(rounded).replace("-", "−")


def meter_height(amplitude: float) -> float:
    """How much of a meter is lit, 0 … 1, for a linear amplitude: −54 dB is dark, 0 dB is full."""
    level_db = gain_to_db(max(amplitude, 0.0))
    return min(max(1 - level_db / METER_FLOOR_DB, 0.0), 1.0)
