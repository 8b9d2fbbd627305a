"""Who pulls how much: presence, what was unmet, and a bound on any one person."""

from __future__ import annotations

import numpy as np

from ml.tags import Vector

FAIR_PULL = 30.0  # 0.033 of unmet liking makes a person pull e times as much …
FAIR_LIMIT = 0.3  # … and more than this adds nothing
_CONE_STEPS = 400


def fair_weights(presence: Vector, unmet: Vector) -> Vector:
    """Presence (m,) times how much lately missed the person's taste (m,); both plain numbers, NaN counts as 0."""
    missed = np.clip(np.nan_to_num(unmet, nan=0.0), -FAIR_LIMIT, FAIR_LIMIT)
    pull: Vector = presence * np.exp(FAIR_PULL * missed)
    return pull


def shares_of(wanted: Vector, presence: Vector, min_group: int) -> Vector:
    """Shares (m,) in proportion to `wanted`, nobody above 1/min_group, together at most presence/min_group.

    What the bound takes from someone goes to the others by presence.
    """
    cap = 1.0 / min_group
    filled = min(1.0, float(presence.sum()) * cap)
    shares: Vector = wanted / wanted.sum() * filled
    for _ in range(len(shares)):
        over = shares > cap
        excess = float((shares[over] - cap).sum())
        if excess <= 1e-12:
            break
        shares[over] = cap
        room_left = np.where(shares < cap, presence, 0.0)
        if not room_left.any():
            break
        shares += room_left / room_left.sum() * excess
    bounded: Vector = np.minimum(shares, cap)
    return bounded


def cone_centre(directions: Vector, tie: Vector) -> Vector:
    """Weights (m,) whose sum of the directions (m, 5) has the largest smallest cosine to any of them.

    That is the point of their hull nearest to zero (Gilbert's method). Where tastes are opposed no direction
    pleases everyone; then `tie` (m,) is given back.
    """
    weights: Vector = tie / tie.sum()
    point = weights @ directions
    for _ in range(_CONE_STEPS):
        along = directions @ point
        worst = int(along.argmin())
        way = directions[worst] - point
        length = float(way @ way)
        step = -float(point @ way) / length if length > 1e-15 else 0.0
        if step <= 1e-9:
            break
        step = min(step, 1.0)
        weights *= 1 - step
        weights[worst] += step
        point = point + step * way
    return weights if float(point @ point) > 1e-6 else tie / tie.sum()
