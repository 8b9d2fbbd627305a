"""The state of the link, shared by the agent's threads: what one of them learns, all of them know."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from appliance.clock import Clock
from appliance.errors import CosoundError
from appliance.process import UpOrDown
from sync.backoff import backoff_s
from sync.errors import LinkDown

SILENCE_S = 15.0
SPREAD = 0.25


@dataclass(frozen=True, slots=True)
class LinkState:
    """`since_boot_s`: when it came to be as it is. `last_contact_boot_s`: the last answer from the cloud."""

    link: Literal["up", "down", "none"]
    why: str = ""
    since_boot_s: float = 0.0
    last_contact_boot_s: float | None = None


class Link:
    """Up with the first answer, down with the first failure, and said in the log once each."""

    def __init__(self, clock: Clock, rng: Random | None = None, *, configured: bool = True, why: str = "") -> None:
        self._clock = clock
        self._rng = rng or Random()
        self._said = UpOrDown("the link to the cloud")
        self._turn = threading.Condition()
        self._recoveries = 0
        self._ending = False
        self._patience = (float("-inf"), 0.0)  # until when the cloud wants no questions, and how long it asked for
        start = "not asked yet" if configured else why or "no cloud.url is set: the box plays by itself"
        self._state = LinkState("down" if configured else "none", start, clock.boot_s())

    @property
    def state(self) -> LinkState:
        return self._state

    @property
    def is_up(self) -> bool:
        return self._state.link == "up"

    def worked(self) -> None:
        """An answer came: whoever waits to ask again may do so now."""
        now_s = self._clock.boot_s()
        with self._turn:
            if self.is_up:
                self._state = replace(self._state, last_contact_boot_s=now_s)
                return
            self._state = LinkState("up", "", now_s, now_s)
            self._recoveries += 1
            self._said.worked()
            self._turn.notify_all()

    @property
    def recoveries(self) -> int:
        """How often it has come up. Whoever asks notes this first, and tells it with the failure."""
        return self._recoveries

    def failed(self, error: CosoundError, asked_in: int | None = None) -> bool:
        """Take a failure; False when it tells nothing of the link, because others are being answered.

        asked_in: `recoveries` when the request began. One that began before the link was back, and failed after,
        tells of an outage that is over.
        """
        with self._turn:
            if self.is_up and asked_in is not None and asked_in < self._recoveries:
                return True
            if self.is_up and getattr(error, "answered", False) and self._silent_s() < SILENCE_S:
                return False
            since_s = self._clock.boot_s() if self.is_up else self._state.since_boot_s
            self._state = LinkState("down", str(error), since_s, self._state.last_contact_boot_s)
            self._said.failed(error)
            return True

    def away_s(self) -> float:
        return 0.0 if self.is_up else self._clock.boot_s() - self._state.since_boot_s

    def pause(self, attempt: int, at_least_s: float = 0.0) -> None:
        """Wait as long as the failed `attempt` (from 0) calls for, or until the link is back.

        at_least_s: what the cloud asked for. All threads keep it, even if others are answered.
        """
        if at_least_s > 0:
            self._be_patient(at_least_s)
            self.hold()
        else:
            self._sleep(backoff_s(attempt, self.away_s(), self._rng), until_back=True)

    def hold(self) -> None:
        """Before asking the cloud: wait until it wants to be asked, each thread a little longer, so that not everybody
        who was asked comes back at once; whoever is first and is asked again speaks for all."""
        spread = self._rng.uniform(0.0, SPREAD)
        while not self._ending:
            until_s, asked_s = self._patience
            left_s = until_s + spread * asked_s - self._clock.boot_s()
            if left_s <= 0:
                return
            self._sleep(left_s, until_back=False)

    @property
    def patience_s(self) -> float:
        """For how long the cloud wants no questions yet."""
        return max(self._patience[0] - self._clock.boot_s(), 0.0)

    def check_patience(self) -> None:
        """Right before a question: raise LinkDown when the cloud asked for patience since this step began."""
        if self.patience_s > 0:
            raise LinkDown(f"the cloud asked for patience: {self.patience_s:.0f} s more", answered=True)

    def rest(self, seconds: float) -> None:
        """Wait between two looks, or until the link comes back meanwhile."""
        self._sleep(seconds, until_back=True)

    def wake(self) -> None:
        """End all pauses, and let none begin: the process is stopping."""
        with self._turn:
            self._ending = True
            self._turn.notify_all()

    def _be_patient(self, seconds: float) -> None:
        """The longest that any of us was asked for holds."""
        with self._turn:
            until_s = self._clock.boot_s() + seconds
            if until_s > self._patience[0]:
                self._patience = (until_s, seconds)

    def _silent_s(self) -> float:
        last_s = self._state.last_contact_boot_s
        return float("inf") if last_s is None else self._clock.boot_s() - last_s

    def _sleep(self, seconds: float, *, until_back: bool) -> None:
        with self._turn:
            seen = self._recoveries
            self._turn.wait_for(lambda: self._ending or (until_back and self._recoveries > seen), seconds)
