"""Where a layer stands in the room: gains from a file's channels to the outputs, at constant power."""

from __future__ import annotations

import math
from dataclasses import dataclass

OUTPUT_COUNTS = (1, 2, 4, 6, 8)
STEREO_HALF_WIDTH_DEG = 45.0
NARROWEST_DEG = 1.0  # speakers nearer to each other than this are a mistake

Weights = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Room:
    """How the outputs stand and what the room adds. What is off costs nothing.

    angles: azimuth of each output in degrees, 0 in front, right positive; None for a regular ring. One or two
    outputs are a line, whatever their angles.
    spread: for rigs nobody measured: a stereo mix in front, and decorrelated copies from everywhere else.
    reverb: level of the shared reverb, 0 (off) … 1. reverb_size: 0 (a chapel's porch) … 1 (a hall).
    rotation_dps: degrees a second by which a ring of layers turns to the right; 0 is off.
    """

    angles: tuple[float, ...] | None = None
    spread: bool = False
    reverb: float = 0.0
    reverb_size: float = 0.5
    rotation_dps: float = 0.0

    def check(self, outputs: int) -> None:
        """Raises ValueError, in one line, for what cannot be with so many outputs."""
        if outputs not in OUTPUT_COUNTS:
            raise ValueError(f"{outputs} output channels; choose one of {OUTPUT_COUNTS}")
        if not 0 <= self.reverb <= 1 or not 0 <= self.reverb_size <= 1:
            raise ValueError(f"reverb {self.reverb} of size {self.reverb_size}: both go from 0 to 1")
        if not abs(self.rotation_dps) <= 30:
            raise ValueError(f"rotation by {self.rotation_dps} degrees a second; choose −30 … 30")
        if self.angles is not None:
            _check_angles(self.angles, outputs)

    def ring(self, outputs: int) -> tuple[float, ...]:
        return self.angles or ring_angles(outputs)


STRAIGHT = Room()


def pan_weights(outputs: int, inputs: int, pan: float, room: Room = STRAIGHT, turned_deg: float = 0.0) -> Weights:
    """Gains of shape (outputs, inputs) for a file of 1 or 2 channels panned to −1 … +1.

    Each file channel is a point whose squared gains sum to 1. A stereo file keeps its two sides apart at
    the centre and narrows towards the side it is panned to. With 4, 6 or 8 outputs the pan goes round the
    ring (±1 is straight behind), between the two nearest speakers; `turned_deg` turns it further.
    """
    if outputs <= 2:
        columns = [_on_a_line(outputs, place, inputs) for place in _line_places(inputs, pan)]
    else:
        places = _ring_places(inputs, pan * 180 + turned_deg)
        columns = [_on_a_ring(room.ring(outputs), place) for place in places]
    return tuple(tuple(column[output] for column in columns) for output in range(outputs))


def ring_angles(outputs: int) -> tuple[float, ...]:
    """Azimuths in degrees (left negative) of a regular ring, in pairs from the front: left, right, left …"""
    step = 360 / outputs
    return tuple((-1 if output % 2 == 0 else 1) * step * (output // 2 + 0.5) for output in range(outputs))


def _line_places(inputs: int, pan: float) -> tuple[float, ...]:
    width = 1 - abs(pan)
    return (pan,) if inputs == 1 else (pan - width, pan + width)


def _ring_places(inputs: int, centre: float) -> tuple[float, ...]:
    return (centre,) if inputs == 1 else (centre - STEREO_HALF_WIDTH_DEG, centre + STEREO_HALF_WIDTH_DEG)


def _on_a_line(outputs: int, place: float, inputs: int) -> tuple[float, ...]:
    if outputs == 1:
        return (math.sqrt(1 / inputs),)
    angle = (place + 1) * math.pi / 4
    return math.cos(angle) if place < 1 else 0.0, math.sin(angle)


def _on_a_ring(angles: tuple[float, ...], azimuth: float) -> tuple[float, ...]:
    """Vector-base amplitude panning between the two speakers on either side of `azimuth`, at constant power."""
    order = sorted(range(len(angles)), key=lambda k: angles[k] % 360)
    beyond = [(azimuth - angles[k]) % 360 for k in order]
    first = min(range(len(order)), key=lambda k: beyond[k])
    left, right = order[first], order[(first + 1) % len(order)]
    gains = [0.0] * len(angles)
    gains[left], gains[right] = _between(beyond[first], (angles[right] - angles[left]) % 360)
    return tuple(gains)


def _between(beyond: float, gap: float) -> tuple[float, float]:
    """Gains of two speakers `gap` degrees apart for a point `beyond` degrees from the first."""
    if gap >= 150:  # too far apart for vectors: by the share of the way
        angle = beyond / gap * math.pi / 2
        return math.cos(angle), math.sin(angle)
    first, second = math.sin(math.radians(gap - beyond)), math.sin(math.radians(beyond))
    size = math.hypot(first, second)
    return first / size, second / size


def _check_angles(angles: tuple[float, ...], outputs: int) -> None:
    if len(angles) != outputs:
        raise ValueError(f"{len(angles)} speaker angles for {outputs} outputs; give one for each")
    if not all(math.isfinite(angle) for angle in angles):
        raise ValueError(f"speaker angles {angles}: give degrees")
    around = sorted(angle % 360 for angle in angles)
    gaps = [(after - before) % 360 for before, after in zip(around, [*around[1:], around[0]], strict=True)]
    if min(gaps) < NARROWEST_DEG:
        raise ValueError(f"speaker angles {angles}: two outputs stand in the same place")
