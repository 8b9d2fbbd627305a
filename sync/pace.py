"""A brake on loops that another side drives: short bursts pass, a storm does not."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.clock import Clock


@dataclass(slots=True)
class Pace:
    """A bucket of `burst` turns that fills by one every `every_s` seconds."""

    clock: Clock
    burst: int = 10
    every_s: float = 1.0
    _turns: float = float("inf")
    _at_s: float = 0.0

    def wait_s(self) -> float:
        """Take one turn; how many seconds to wait before using it."""
        now_s = self.clock.boot_s()
        filled = self._turns + (now_s - self._at_s) / self.every_s
        self._turns = min(filled, self.burst) - 1
        self._at_s = now_s
        return max(-self._turns * self.every_s, 0.0)


@dataclass(slots=True)
class Glance:
    """When to look for work: after news, but at most once in `every_s` seconds after a look in vain.

    While a library arrives the bell rings a hundred times a second.
    """

    every_s: float = 1.0
    _news: bool = True
    _not_before_s: float = float("-inf")

    def hear(self, news: bool) -> None:
        self._news |= news

    def is_due(self, now_s: float, *, anyway: bool = False) -> bool:
        return (self._news or anyway) and now_s >= self._not_before_s

    def in_vain(self, now_s: float) -> None:
        self._news, self._not_before_s = False, now_s + self.every_s
