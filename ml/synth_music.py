"""Small pieces for the room, written by hand, all in the notes of D major: whatever plays together is in tune.

A piece is a list of notes in beats. Chance only touches how they are played: a little early or late, softer, louder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ml.synth_noise import RATE_HZ, Dice, Sound, add_at
from ml.synth_pad import chord
from ml.synth_space import faded, placed, reverb
from ml.synth_strings import GLASS, HARP, KALIMBA, PIANO, Instrument

_TAIL_S = 4.5  # after the last beat the room rings out


@dataclass(frozen=True, slots=True)
class Note:
    """One note: when (beats), which (MIDI pitch), how loud (0 … 1), how long it may ring (s), where."""

    beat: float
    pitch: int
    strength: float = 0.6
    ring_s: float = 4.0
    place: float = 0.0


Bars = Sequence[Sequence[tuple[float, int]]]  # per bar: (beat within the bar, pitch)


def lanterns(dice: Dice, frames: int) -> Sound:
    """A slow waltz for felt piano."""
    left = [
        (43, 59, 62, 66), (38, 57, 61, 66), (43, 59, 62, 66), (38, 57, 61, 66), (40, 55, 59, 62), (45, 55, 59, 64),
        (38, 57, 61, 66), (38, 57, 62, 66), (47, 57, 62, 66), (40, 55, 59, 62), (43, 59, 62, 66), (45, 57, 61, 64),
        (43, 59, 62, 66), (38, 57, 61, 66), (40, 55, 59, 62), (45, 55, 59, 61), (38, 57, 62, 66),
    ]  # fmt: skip
    melody: Bars = [
        [], [], [(0, 71), (2, 74)], [(0, 73), (1, 69)], [(0, 67), (1, 71), (2, 76)], [(0, 74), (2, 71)], [(0, 69)],
        [(1, 66), (2, 69)], [(0, 74), (2, 78)], [(0, 76), (1, 79)], [(0, 78), (1, 74), (2, 71)], [(0, 73), (2, 76)],
        [(0, 74), (2, 71)], [(0, 69), (1, 66)], [(0, 67), (1, 69), (2, 71)], [(0, 69), (2, 73)], [(0, 74)],
    ]  # fmt: skip
    notes = [Note(3 * bar, bass, 0.46, 5.0, -0.25) for bar, (bass, *_) in enumerate(left)]
    notes += [Note(3 * bar + 1, p, 0.26, 3.4, -0.1) for bar, (_, *rest) in enumerate(left) for p in rest]
    notes += [Note(3 * b + beat, p, 0.62, 4.5, 0.15) for b, bar in enumerate(melody) for beat, p in bar]
    last = 3 * len(left)
    notes += [Note(last + 0.22 * i, p, 0.40, 6.0) for i, p in enumerate((38, 45, 54, 64, 69, 74))]
    return _played(dice, frames, PIANO, notes, beats=last + 2, slack_s=0.018)


def courtyard(dice: Dice, frames: int) -> Sound:
    """A kalimba that goes round and round, with a tune over it."""
    rounds = {
        "D": (62, 69, 74, 69, 66, 69, 74, 69), "B": (59, 66, 71, 66, 62, 66, 71, 66),
        "G": (55, 62, 67, 62, 71, 62, 67, 62), "A": (57, 64, 69, 64, 71, 64, 69, 64),
    }  # fmt: skip
    tune: dict[int, Sequence[tuple[float, int]]] = {
        2: [(0, 81), (3, 78), (6, 76)], 3: [(0, 74), (4, 78)], 4: [(0, 83), (3, 81), (6, 78)], 5: [(0, 76)],
        6: [(0, 78), (3, 76), (6, 74)], 7: [(0, 71), (4, 74)], 8: [(0, 76), (3, 78), (6, 81)], 9: [(0, 76), (4, 74)],
        10: [(0, 83), (4, 86)], 11: [(0, 81), (4, 78)], 12: [(0, 76), (3, 78), (6, 81)], 13: [(0, 78)],
        14: [(0, 81), (3, 78), (6, 76)], 15: [(0, 74), (4, 78)], 16: [(0, 76), (3, 78), (6, 76)], 17: [(0, 74)],
    }  # fmt: skip
    bars = "DD" + "DBGA" + "DBGA" + "GDAB" + "DBGA" + "D"
    notes = []
    for bar, name in enumerate(bars):
        thin = bar in (0, len(bars) - 1)
        for step, pitch in enumerate(rounds[name]):
            if not (thin and step % 2):
                accent = 0.44 if step == 0 else 0.30 if step % 2 == 0 else 0.22
                notes.append(Note(8 * bar + step, pitch, accent, 2.6, -0.35 if step % 2 else 0.3))
        notes += [Note(8 * bar + beat, p, 0.56, 3.2, 0.05) for beat, p in tune.get(bar, ())]
    notes += [Note(8 * len(bars) + 0.35 * i, p, 0.4, 4.0) for i, p in enumerate((50, 62, 69, 74, 78))]
    return _played(dice, frames, KALIMBA, notes, beats=8 * len(bars) + 3, slack_s=0.012)


def tide(dice: Dice, frames: int) -> Sound:
    """Eight slow chords that flow into each other, a bell here and there."""
    chords = [
        (50, 57, 64, 66), (47, 54, 57, 62), (43, 50, 59, 66), (45, 52, 59, 62), (52, 55, 62, 66), (43, 50, 59, 64),
        (45, 52, 57, 61), (50, 57, 62, 66),
    ]  # fmt: skip
    bells = [(3, 81), (5.4, 78), (11, 74), (13, 78), (17.4, 83), (19, 81), (26, 76), (28.6, 78), (34, 74), (36, 79),
             (41, 81), (44, 76), (50, 73), (52, 76), (58, 78), (60, 81), (61.6, 86)]  # fmt: skip
    beat_s = (frames / RATE_HZ - _TAIL_S) / 64
    sound = np.zeros((2, frames), dtype=np.float32)
    for order, pitches in enumerate(chords):
        held = chord(dice.rng, (pitches[0] - 12, *pitches), 8 * beat_s, rise_s=3.2 * beat_s, fall_s=4 * beat_s)
        _lay(sound, int(8 * order * beat_s * RATE_HZ), np.float32(0.30) * held)
    notes = [Note(beat, pitch, 0.17, 5.0, 0.7 * (-1) ** i) for i, (beat, pitch) in enumerate(bells)]
    sound += _played(dice, frames, GLASS, notes, beats=64, slack_s=0.05)
    return faded(sound, 1.5, 3.5)


def glasshouse(dice: Dice, frames: int) -> Sound:
    """Bells in canon: the second voice answers an octave below, two and a half beats later."""
    line: Bars = [
        [(0, 83), (1, 78), (2.5, 81), (4, 76)], [(0, 86), (1, 85), (2.5, 81), (4, 78)],
        [(0, 79), (1, 81), (2, 83), (3.5, 76), (5, 74)], [(0, 78), (2, 81), (4, 73)],
        [(0, 83), (1, 78), (2.5, 81), (4, 88)], [(0, 86), (1.5, 85), (3, 83), (4.5, 79)],
        [(0, 81), (1, 83), (2, 78), (3.5, 76), (5, 74)], [(0, 76), (2, 78), (4, 71)], [(0, 74), (2, 78), (4, 81)],
    ]  # fmt: skip
    ground = [(43, 62), (50, 57), (40, 59), (47, 57), (43, 62), (40, 55), (50, 57), (45, 52), (43, 50)]
    notes = [Note(6 * b + beat, p, 0.5, 4.0, 0.35) for b, bar in enumerate(line) for beat, p in bar]
    notes += [Note(6 * b + beat + 2.5, p - 12, 0.30, 4.5, -0.45) for b, bar in enumerate(line) for beat, p in bar]
    last = 6 * len(line) + 2
    notes += [Note(last + 0.5 * i, p, 0.34, 5.0) for i, p in enumerate((62, 69, 78, 86))]
    sound = _played(dice, frames, GLASS, notes, beats=last + 3, slack_s=0.02)
    beat_s = (frames / RATE_HZ - _TAIL_S) / (last + 3)
    for bar, pitches in enumerate(ground):
        held = chord(dice.rng, (*pitches, pitches[0] + 12), 6 * beat_s, rise_s=2 * beat_s, fall_s=3 * beat_s)
        _lay(sound, int(6 * bar * beat_s * RATE_HZ), np.float32(0.085) * held)
    return faded(sound, 0.3, 3.0)


def harbour(dice: Dice, frames: int) -> Sound:
    """Broken chords on a harp, like small boats moving."""
    rounds = {
        "E": (40, 52, 55, 59, 62, 66), "A": (45, 52, 57, 61, 64, 69), "G": (43, 50, 55, 59, 62, 66),
        "D": (38, 50, 57, 62, 66, 69), "B": (47, 54, 57, 62, 66, 69), "F": (42, 50, 57, 61, 66, 69),
    }  # fmt: skip
    tune: dict[int, Sequence[tuple[float, int]]] = {
        2: [(0, 78)], 3: [(0, 76), (3, 73)], 4: [(0, 74)], 5: [(0, 71), (3, 69)], 6: [(0, 78), (3, 79)],
        7: [(0, 81)], 8: [(0, 78), (3, 74)], 9: [(0, 76)], 10: [(0, 83), (4, 81)], 11: [(0, 78)],
        12: [(0, 79), (3, 78)], 13: [(0, 76), (3, 73)], 14: [(0, 74), (3, 76)], 15: [(0, 78)], 16: [(0, 76), (3, 73)],
        17: [(0, 74)],
    }  # fmt: skip
    bars = "EA" + "EAGD" + "EDBA" + "GDEA" + "BFAD"
    order = (0, 2, 4, 5, 3, 1)
    notes = []
    for bar, name in enumerate(bars):
        for step in range(6):
            loud = 0.50 if step == 0 else 0.24 + 0.05 * (step in (2, 3))
            notes.append(Note(6 * bar + step, rounds[name][order[step]], loud, 3.4, (order[step] - 2.5) * 0.16))
        notes += [Note(6 * bar + beat, p, 0.44, 3.6, 0.1) for beat, p in tune.get(bar, ())]
    last = 6 * len(bars)
    notes += [Note(last + 0.4 * i, p, 0.42, 5.0) for i, p in enumerate((38, 50, 57, 62, 66, 74))]
    return _played(dice, frames, HARP, notes, beats=last + 3, slack_s=0.014)


def _played(
    dice: Dice, frames: int, instrument: Instrument, notes: Sequence[Note], *, beats: float, slack_s: float
) -> Sound:
    """The notes on one instrument in a small hall; the tempo is what makes `beats` fill the time: (2, frames)."""
    rng = dice.rng
    beat_s = (frames / RATE_HZ - _TAIL_S) / beats
    struck: dict[tuple[int, float], Sound] = {}
    sound = np.zeros((2, frames), dtype=np.float32)
    for note in notes:
        key = (note.pitch, note.ring_s)
        if key not in struck:
            struck[key] = instrument.note(rng, note.pitch, note.ring_s)
        late_s = 0.05 + note.beat * beat_s + rng.normal(0, slack_s)
        strength = note.strength * dice.around(1.0, 1.0) * rng.uniform(0.88, 1.12)
        leaning = _leaning(struck[key], note.place) * np.float32(strength)
        _lay(sound, int(max(late_s, 0) * RATE_HZ), leaning)
    return faded(reverb(rng, sound, seconds=2.4, wet=0.42, dark_hz=3800), 0.02, 2.5)


def _leaning(sound: Sound, place: float) -> Sound:
    """A stereo note moved to one side without losing its width."""
    sides = placed(np.ones(1, dtype=np.float32), place * 0.6) * np.float32(np.sqrt(2))
    return sound * sides


def _lay(sound: Sound, start: int, part: Sound) -> None:
    """Adds a part where it fits; what would reach beyond the end is cut there, softly."""
    room_left = sound.shape[1] - start
    if room_left <= 0:
        return
    if part.shape[1] > room_left:
        part = faded(part[:, :room_left].copy(), 0, 1.0)
    add_at(sound, start, part)


PIECES: dict[str, Callable[[Dice, int], Sound]] = {
    "lanterns": lanterns,
    "courtyard": courtyard,
    "tide": tide,
    "glasshouse": glasshouse,
    "harbour": harbour,
}
