"""Where a layer stands in the room: gains from a file's channels to the outputs, at constant power."""

from __future__ import annotations

import math

OUTPUT_COUNTS = (1, 2, 4, 6, 8)
STEREO_HALF_WIDTH_DEG = 45.0

Weights = tuple[tuple[float, ...], ...]


def pan_weights(outputs: int, inputs: int, pan: float) -> Weights:
    """Gains of shape (outputs, inputs) for a file of 1 or 2 channels panned to −1 … +1.

    Each file channel is a point whose squared gains sum to 1. A stereo file keeps its two sides apart at
    the centre and narrows towards the side it is panned to. With 4, 6 or 8 outputs the pan goes round the
    ring (±1 is straight behind), between the two nearest speakers.
    """
    points = _places(outputs, inputs, pan)
    columns = [_gains(outputs, place, inputs) for place in points]
    return tuple(tuple(column[output] for column in columns) for output in range(outputs))


def ring_angles(outputs: int) -> tuple[float, ...]:
    """Azimuths in degrees (left negative) of a regular ring, in pairs from the front: left, right, left …"""
    step = 360 / outputs
    return tuple((-1 if output % 2 == 0 else 1) * step * (output // 2 + 0.5) for output in range(outputs))


def _places(outputs: int, inputs: int, pan: float) -> tuple[float, ...]:
    """Where each file channel stands: −1 … +1 on a stereo line, degrees on a ring."""
    if outputs <= 2:
        width = 1 - abs(pan)
        return (pan,) if inputs == 1 else (pan - width, pan + width)
    centre = pan * 180
    return (centre,) if inputs == 1 else (centre - STEREO_HALF_WIDTH_DEG, centre + STEREO_HALF_WIDTH_DEG)


def _gains(outputs: int, place: float, inputs: int) -> tuple[float, ...]:
    if outputs == 1:
        return (math.sqrt(1 / inputs),)
    if outputs == 2:
        angle = (place + 1) * math.pi / 4
        return math.cos(angle) if place < 1 else 0.0, math.sin(angle)
    return _ring_gains(ring_angles(outputs), place)


def _ring_gains(angles: tuple[float, ...], azimuth: float) -> tuple[float, ...]:
    """Constant power between the two speakers on either side of `azimuth`."""
    order = sorted(range(len(angles)), key=lambda k: angles[k] % 360)
    step = 360 / len(angles)
    turn = ((azimuth - angles[order[0]]) % 360) / step
    nearer = int(turn) % len(order)
    share = (turn - int(turn)) * math.pi / 2
    gains = [0.0] * len(angles)
    gains[order[nearer]] = math.cos(share)
    gains[order[(nearer + 1) % len(order)]] = math.sin(share)
    return tuple(gains)
