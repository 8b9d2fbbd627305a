"""One simulated evening: people come and go, songs play, some vote, and a policy chooses what is next.

Policies `bayes`, `v1`, `least_misery`, `turns` use the very functions of the product. `random`, `static` (one fixed
taste), `oracle` (knows every liking, pleases the mean) and `oracle_fair` (also looks after the unmet) are the frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ml.collective import Policy, Present, room_vector
from ml.crowd import Crowd, World, vote_for
from ml.prior import Prior
from ml.ranking import penalty_of
from ml.tags import DIMENSIONS, Vector, normalised
from ml.taste import Rule, Taste, learn
from ml.unmet import UNMET_MEMORY_S, unmet_after

Method = Literal["bayes", "bayes_unfair", "v1", "least_misery", "turns", "random", "static", "oracle", "oracle_fair"]
METHODS: tuple[Method, ...] = (
    "bayes", "bayes_unfair", "v1", "least_misery", "turns", "random", "static", "oracle", "oracle_fair",
)  # fmt: skip

REST_PLAYS = 6  # no song again within so many plays, whoever chooses
CHURN_PLAYS = 5
DRIFT_PLAYS = 120  # in the world `drift`, tastes turn to another taste over so many plays
ORACLE_PULL = 9.0


@dataclass(frozen=True, slots=True)
class Setting:
    """What every evening has in common."""

    world: World = "spread"
    people: int = 30
    present: int = 12
    songs: int = 40
    plays: int = 480
    minutes_per_play: float = 6.0
    voting: float = 0.15  # the chance that someone present rates a play
    unseen: float = 0.08  # liking that no tag explains


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went: satisfaction 0 … 1 on each listener's own scale, and how much the wish of the room moved."""

    mean: float
    p10: float
    minimum: float
    changes_per_minute: float


@dataclass
class Evening:
    """The state of one evening; `run` plays it to its end."""

    setting: Setting
    method: Method
    rng: np.random.Generator
    crowd: Crowd
    songs: Vector
    likings: Vector  # (people, songs) 0 … 1
    tastes: list[Taste]
    prior: Prior = field(default_factory=Prior.default)
    unmet: dict[str, float] = field(default_factory=dict)
    last_play: Vector = field(default_factory=lambda: np.zeros(0))

    def run(self) -> Outcome:
        """The whole evening."""
        here = self.crowd.present(self.setting.present, self.rng)
        got, seen = np.zeros(self.setting.people), np.zeros(self.setting.people)
        satisfied, moved, before = 0.0, 0.0, np.zeros(len(self.songs))
        for play in range(self.setting.plays):
            if play % CHURN_PLAYS == 0:
                here = self.crowd.after_churn(here, self.rng)
            if self.setting.world == "drift" and play == DRIFT_PLAYS:
                self.likings = np.roll(self.likings, 1, axis=0)
            wish = self._wish(here)
            song = self._choose(wish, play)
            moved += float(np.abs(wish - before).mean()) if play else 0.0
            before = wish
            satisfied += float(self.likings[here, song].mean())
            got[here] += self.likings[here, song]
            seen[here] += 1
            self._after(here, song)
        each = got[seen >= 20] / seen[seen >= 20]
        minutes = self.setting.plays * self.setting.minutes_per_play
        return Outcome(
            satisfied / self.setting.plays, float(np.quantile(each, 0.1)), float(each.min()), moved / minutes
        )

    def _choose(self, wish: Vector, play: int) -> int:
        hours = (play - self.last_play) * self.setting.minutes_per_play / 60
        score = wish - np.array([penalty_of(h) for h in hours])
        score[play - self.last_play < REST_PLAYS] = -np.inf
        song = int(np.argmax(score + self.rng.random(len(score)) * 1e-6))
        self.last_play[song] = play
        return song

    def _wish(self, here: list[int]) -> Vector:
        """How much each song is wanted now, (songs,)."""
        if self.method == "random":
            return self.rng.random(len(self.songs))
        if self.method == "static":
            return np.asarray(normalised(self.songs).sum(axis=1) / DIMENSIONS**0.5)
        if self.method == "oracle":
            return np.asarray(self.likings[here].mean(axis=0))
        if self.method == "oracle_fair":
            pull = np.exp(ORACLE_PULL * np.array([self.unmet.get(str(number), 0.0) for number in here]))
            return np.asarray(pull @ self.likings[here] / pull.sum())
        rule, policy = _rule_of(self.method)
        prior = self.prior if rule == "bayes" else None
        house = np.ones(DIMENSIONS)
        wanted = room_vector(self._people(here), house, rule=rule, policy=policy, prior=prior)
        return np.asarray(normalised(self.songs) @ normalised(wanted))

    def _people(self, here: list[int]) -> list[Present]:
        fair = self.method not in ("bayes_unfair", "v1")
        return [
            Present(str(number), self.tastes[number], unmet=self.unmet.get(str(number), 0.0) if fair else 0.0)
            for number in here
        ]

    def _after(self, here: list[int], song: int) -> None:
        """People vote on what they heard, and what they missed is remembered."""
        for number in here:
            if self.rng.random() < self.setting.voting:
                vote = vote_for(float(self.likings[number, song]), self.rng)
                self.tastes[number] = learn(self.tastes[number], self.songs[song], vote)
                self.prior = self.prior.with_vote(self.songs[song], vote)
        elapsed_s = self.setting.minutes_per_play * 60
        if self.method == "oracle_fair":
            keep = float(np.exp(-elapsed_s / UNMET_MEMORY_S))
            for number in here:
                missed = float(self.likings[number].mean() - self.likings[number, song])
                self.unmet[str(number)] = keep * self.unmet.get(str(number), 0.0) + (1 - keep) * missed
        elif self.method in ("bayes", "least_misery", "turns"):
            audible = np.zeros(len(self.songs))
            audible[song] = 1
            people = self._people(here)
            self.unmet |= unmet_after(people, self.songs, audible, elapsed_s=elapsed_s, prior=self.prior)


def evening(method: Method, setting: Setting, seed: int) -> Evening:
    """An evening that is ready to run; the same world, songs and crowd for every method with the same seed."""
    rng = np.random.default_rng([seed, 17])
    crowd = Crowd.of(setting.world, size=setting.people, seed=seed)
    part = rng.dirichlet(np.full(DIMENSIONS, 0.5), setting.songs)
    songs = np.clip(0.8 * part + rng.normal(0, 0.05, part.shape), 0, 1)
    tastes = normalised(np.array([listener.true_taste for listener in crowd.listeners]))
    liked = tastes @ normalised(songs).T + setting.unseen * rng.standard_normal((setting.people, setting.songs))
    low, high = liked.min(axis=1, keepdims=True), liked.max(axis=1, keepdims=True)
    return Evening(
        setting=setting,
        method=method,
        rng=np.random.default_rng([seed, 23]),
        crowd=crowd,
        songs=songs,
        likings=(liked - low) / (high - low),
        tastes=[Taste.newcomer()] * setting.people,
        last_play=np.full(setting.songs, -1e9),
    )


def _rule_of(method: Method) -> tuple[Rule, Policy]:
    if method == "v1":
        return "v1", "mean"
    if method in ("least_misery", "turns"):
        return "bayes", method
    return "bayes", "mean"
