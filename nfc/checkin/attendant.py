"""Whoever looks after one reader: opens it, looks, reports taps and states, and comes back when it is gone."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from appliance.clock import Clock
from appliance.ids import new_id
from checkin.backoff import Backoff
from checkin.feedback import Answer
from checkin.presence import Presence
from checkin.reader import Driver, Lit, ReaderGone, TagRead

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.07
LISTEN_S = 0.1
LOOK_FOR_PLUG_S = 0.5
# So soon after the process's first look nobody came: some readers say again and again what lies there.
LAY_THERE_S = 0.5
MOST_REASONS = 8

State = Literal["ready", "absent", "failed"]


@dataclass(frozen=True, slots=True)
class Tap:
    """A tap as it was read: when is the moment of the read, not of its storing. `where` is the reader."""

    tap_id: str
    tag: TagRead
    boot_ms: int
    wall_ms: int
    where: str


@dataclass(frozen=True, slots=True)
class ReaderState:
    """How one reader is. `where` tells readers apart, `why` is for a person."""

    where: str
    name: str
    state: State
    why: str = ""


class Attendant:
    """Steps one driver. Runs in any thread; everything it has to say goes to `report`."""

    def __init__(
        self,
        driver: Driver,
        clock: Clock,
        report: Callable[[Tap | ReaderState], None],
        presence: Presence | None = None,
    ) -> None:
        self._driver = driver
        self._clock = clock
        self._report = report
        self._presence = presence or Presence()
        self._backoff = Backoff()
        self._open = False
        self._name = driver.where
        self._retry_at_s = float("-inf")
        self._was_plugged = True
        self.steps = 0  # how many were made: whoever watches sees that it goes on
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._first_look_s: float | None = None
        self._told: set[str] = set()  # why it is away, as far as the log has it
        self.state = ReaderState(driver.where, driver.where, "absent", "not looked for yet")

    def step(self) -> float:
        """Open or look, once. Returns how many seconds to wait before the next step."""
        self.steps += 1
        try:
            return self._look() if self._open else self._try_open()
        except ReaderGone as error:
            return self._lost("absent", str(error))
        except Exception as error:  # drivers wrap foreign code: one reader's bug must not end the others
            if self.state.state != "failed":
                log.exception("reader %s: the driver failed; it is closed and tried again", self._driver.where)
            return self._lost("failed", f"the driver failed ({type(error).__name__}); see the log")

    def show(self, answer: Answer) -> None:
        """Have the reader's own light say it, at its next step. Any thread may ask."""
        self._answers.put(answer)

    def close(self) -> None:
        """Let go of the device. A chip left open stays mute until its power is cut."""
        self._open = False
        try:
            self._driver.close()
        except Exception:  # the device is let go of as far as it can be
            log.exception("reader %s did not close", self._driver.where)

    def _try_open(self) -> float:
        now_s = self._clock.boot_s()
        plugged = self._driver.plugged()
        appeared, self._was_plugged = plugged and not self._was_plugged, plugged
        if now_s < self._retry_at_s and not appeared:
            return min(self._retry_at_s - now_s, LOOK_FOR_PLUG_S)
        self._name = self._driver.open()
        self._open = True
        return 0.0

    def _look(self) -> float:
        self._show_newest()
        began_s = self._clock.boot_s()
        tag = self._driver.poll(LOOK_EVERY_S if self._driver.continuous else LISTEN_S)
        now_s = self._clock.boot_s()
        self._answered()
        tap = tag if tag is not None and tag.tap_id else self._presence.read(tag, now_s)
        if self._first_look_s is None:
            self._first_look_s = began_s
        if tap is not None:
            if not tap.tap_id:
                tap = replace(tap, lay_there=now_s - self._first_look_s < LAY_THERE_S)
            wall_ms = round(self._clock.wall_s() * 1000)
            self._report(Tap(tap.tap_id or new_id(wall_ms), tap, round(now_s * 1000), wall_ms, self._driver.where))
        if not self._driver.continuous:
            return 0.0
        return max(0.0, LOOK_EVERY_S - (now_s - began_s))

    def _answered(self) -> None:
        """Only now it is ready: some readers open and then say nothing, again and again."""
        self._backoff.worked()
        if self.state.state != "ready":
            self._say(ReaderState(self._driver.where, self._name, "ready"))

    def _show_newest(self) -> None:
        answer = None
        while not self._answers.empty():
            answer = self._answers.get()
        if answer is not None and isinstance(self._driver, Lit):
            self._driver.show(answer)

    def _lost(self, state: State, why: str) -> float:
        self.close()
        wait_s = self._backoff.failed()
        self._retry_at_s = self._clock.boot_s() + wait_s
        self._was_plugged = self._driver.plugged()
        self._say(ReaderState(self._driver.where, self._name, state, why))
        return min(wait_s, LOOK_FOR_PLUG_S)

    def _say(self, state: ReaderState) -> None:
        if state != self.state:
            self._log_change(state)
            self.state = state
            self._report(state)

    def _log_change(self, state: ReaderState) -> None:
        if state.state == "ready":
            self._told.clear()
            log.info("reader %s is ready: %s", state.where, state.name)
        elif state.state != self.state.state or self._is_news(state.why):
            self._told.add(state.why)
            log.warning("reader %s is %s: %s", state.where, state.state, state.why)

    def _is_news(self, why: str) -> bool:
        """The first reason, and another one of a reader that is there again but does not open; each once."""
        return not self._told or (self._was_plugged and why not in self._told and len(self._told) < MOST_REASONS)
