"""What was so at which frame: the last few values, for whoever hears later than it is mixed, and for going back."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

KEPT = 16

Value = TypeVar("Value")


class Trail(Generic[Value]):
    """`add` and `go_back` belong to one thread, `at` to any."""

    def __init__(self, first: Value) -> None:
        self._steps: deque[tuple[int, Value]] = deque([(0, first)], maxlen=KEPT)

    @property
    def last(self) -> Value:
        return self._steps[-1][1]

    def add(self, frame: int, value: Value) -> None:
        """So it is from `frame` on; frames never go back by themselves."""
        self._steps.append((frame, value))

    def at(self, frame: int) -> Value:
        """What was so at a frame; the oldest known before that."""
        steps = tuple(self._steps)
        return next((value for first, value in reversed(steps) if first <= frame), steps[0][1])

    def go_back(self, frame: int) -> None:
        """Forget what was so from `frame` on, but for the oldest known."""
        while len(self._steps) > 1 and self._steps[-1][0] >= frame:
            self._steps.pop()
