"""Many simulated evenings, compared: how near a policy comes to one that can read minds, and who is left behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ml.crowd import WORLDS, Crowd, Listener, World, vote_for
from ml.evening import METHODS, Method, Outcome, Setting, evening
from ml.picture import svg

__all__ = [
    "METHODS", "WORLDS", "Crowd", "Listener", "Method", "Outcome", "Row", "Setting", "World", "as_dicts", "simulate",
    "svg", "table", "vote_for",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One policy in one world, averaged over the seeds. All but the last are fractions.

    `gap` is the part closed of the way from random to the oracle, `of_oracle` the mean against the oracle's, and
    `p10_of_fair` the unhappiest tenth's against the fair oracle's.
    """

    world: World
    method: Method
    mean: float
    gap: float
    of_oracle: float
    p10: float
    p10_of_fair: float
    minimum: float
    changes_per_minute: float


def simulate(
    world: World,
    methods: Sequence[Method] = METHODS,
    *,
    seeds: int = 10,
    setting: Setting | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Row]:
    """One row per method; every method meets the same crowds and songs. About 0.3 s per evening."""
    plan = setting if setting is not None else Setting(world=world)
    known: tuple[Method, ...] = ("random", "oracle", "oracle_fair")
    frame = {name: _evenings(name, plan, seeds, progress) for name in known}
    rows = []
    for method in methods:
        outcomes = frame[method] if method in frame else _evenings(method, plan, seeds, progress)
        rows.append(_row(world, method, outcomes, frame))
    return rows


def _evenings(method: Method, setting: Setting, seeds: int, progress: Callable[[str], None] | None) -> list[Outcome]:
    if progress is not None:
        progress(f"{setting.world}: {method}")
    return [evening(method, setting, seed).run() for seed in range(seeds)]


def _row(world: World, method: Method, outcomes: list[Outcome], frame: dict[Method, list[Outcome]]) -> Row:
    means, lowest, best = (
        np.array([outcome.mean for outcome in some]) for some in (outcomes, frame["random"], frame["oracle"])
    )
    p10, fair_p10 = (np.array([outcome.p10 for outcome in some]) for some in (outcomes, frame["oracle_fair"]))
    return Row(
        world=world,
        method=method,
        mean=float(means.mean()),
        gap=float(((means - lowest) / (best - lowest)).mean()),
        of_oracle=float((means / best).mean()),
        p10=float(p10.mean()),
        p10_of_fair=float((p10 / fair_p10).mean()),
        minimum=float(np.mean([outcome.minimum for outcome in outcomes])),
        changes_per_minute=float(np.mean([outcome.changes_per_minute for outcome in outcomes])),
    )


def table(rows: Sequence[Row]) -> str:
    """The rows as text, one line each."""
    lines = [f"{'world':8s} {'policy':13s}  mean   gap  of oracle   p10  of fair   min  moves/min"]
    lines += [
        f"{row.world:8s} {row.method:13s} {row.mean:5.3f} {row.gap:5.2f}      {row.of_oracle:5.3f} {row.p10:5.3f}"
        f"    {row.p10_of_fair:5.2f} {row.minimum:5.3f}     {row.changes_per_minute:6.4f}"
        for row in rows
    ]
    return "\n".join(lines)


def as_dicts(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows for JSON."""
    return [asdict(row) for row in rows]
