"""How well few votes steer a room, what a vote costs, and how near the ranking is to reading its memory once."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from benchmarks.row import Row
from ml.catalogue import Catalogue
from ml.crowd import World
from ml.ranking import recommend_with_penalty
from ml.simulate import Row as Simulated
from ml.simulate import simulate
from ml.taste import Taste, learn

GAP_GOALS: dict[World, float] = {"spread": 0.75, "camps": 0.80, "aligned": 0.90}
MEAN_GOAL, P10_GOAL = 0.94, 0.8
VOTE_GOAL_US = 200.0
SMALL_GOAL_US, FLOOR_GOAL = 20.0, 3.0
TOP = 16
PLAYED = 100  # songs that played in the last day


def rows(*, quick: bool) -> list[Row]:
    """Evenings of three crowds; a vote; the sixteen best of a thousand, of 100,000 and of a million songs."""
    steered = [row for world in GAP_GOALS for row in _steer(world, 2 if quick else 10)]
    sizes = {"1k": 1_000, "100k": 100_000, "1m": 1_000_000}
    return [*steered, _vote(200 if quick else 2_000), *(_top(name, size, quick) for name, size in sizes.items())]


def _steer(world: World, seeds: int) -> list[Row]:
    """The product's rule beside the seeds' own, both against an oracle that knows every liking."""
    ours, v1 = simulate(world, ["bayes", "v1"], seeds=seeds)
    note = f"{seeds} evenings, 15 % vote; reference: the v1 rule"

    def row(name: str, what: str, of: Callable[[Simulated], float], goal: float) -> Row:
        return Row(f"taste.steer.{world}.{name}", f"{world}: {what}", of(ours), "", reference=of(v1), goal=goal,
                   better="more", note=note)  # fmt: skip

    return [
        row("gap", "part closed of the way from random to the oracle", lambda one: one.gap, GAP_GOALS[world]),
        row("mean", "mean satisfaction against the oracle's", lambda one: one.of_oracle, MEAN_GOAL),
        row("p10", "the unhappiest tenth against the fair oracle's", lambda one: one.p10_of_fair, P10_GOAL),
    ]


def _vote(count: int) -> Row:
    """Both states of one listener advance."""
    songs = np.random.default_rng(3).dirichlet(np.full(5, 0.5), count)
    taste, took_us = Taste.newcomer(), []
    for number, song in enumerate(songs):
        began_s = time.perf_counter()
        taste = learn(taste, song, 1 + number % 5)
        took_us.append((time.perf_counter() - began_s) * 1e6)
    return Row("taste.vote_us", "one vote learnt", float(np.median(took_us)), "us", goal=VOTE_GOAL_US,
               note=f"median of {count}; p99 {np.quantile(took_us, 0.99):.0f} us")  # fmt: skip


def _top(name: str, size: int, quick: bool) -> Row:
    """The exact top of a room's library under the penalty for what played, against one read of the same columns."""
    rng = np.random.default_rng(1)
    ids = [f"{number:08x}" for number in range(size)]
    catalogue = Catalogue(ids, ["soundscape"] * size, rng.dirichlet(np.full(5, 0.5), size))
    direction = rng.random(5)
    played = rng.choice(size, PLAYED, replace=False)
    hours = {ids[song]: float(since) for song, since in zip(played, rng.random(PLAYED) * 24, strict=True)}
    columns = catalogue.part("soundscape").rough

    def ranked() -> object:
        return recommend_with_penalty(catalogue, direction, limit=TOP, hours_since_play=hours, kind="soundscape")

    rounds = max(10, min(300, 30_000_000 // size)) // (5 if quick else 1)
    ours_us, floor_us = _alternating(ranked, columns.max, rounds)
    small = size <= 1_000
    return Row(
        f"taste.top16.{name}", f"top {TOP} of {size} songs", ours_us, "us", reference=floor_us,
        goal=SMALL_GOAL_US if small else FLOOR_GOAL, of="ours" if small else "ratio",
        note=f"best of {rounds}; reference: one read of the columns; {PLAYED} songs played lately",
    )  # fmt: skip


def _alternating(ours: Callable[[], object], floor: Callable[[], object], rounds: int) -> tuple[float, float]:
    """The best of each, in microseconds, taken by turns."""
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for which, work in enumerate((ours, floor)):
            began_s = time.perf_counter()
            work()
            best[which] = min(best[which], (time.perf_counter() - began_s) * 1e6)
    return best[0], best[1]
