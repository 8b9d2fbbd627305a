"""How fast the wish of a room may change: a tap is heard at once, a whole room turns within a minute or so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SAVED_MINUTES = 0.5  # what a quiet room may save up
LEAST_STEP = 0.05  # less than this (1.5 dB of 30) is not worth a step of its own, unless it completes the way


def bounded_step(old: Mapping[str, float], new: Mapping[str, float], max_step: float) -> dict[str, float]:
    """`new`, or as far towards it from `old` as no value moves by more than `max_step`.

    All values go the same part of their way, so that their order is never one that nobody wanted. What `old` does
    not hold begins where `new` has it.
    """
    way, most = _way(old, new), max(max_step, 0.0)
    part = 1.0 if way <= most else most / way
    return {key: value if part == 1.0 else _from(old, key, value, part) for key, value in new.items()}


@dataclass(slots=True)
class Pace:
    """Lets the likings (0 … 1, by song) of a room go towards what is wanted, at most so far a minute.

    per_minute: how far any one liking may go in a minute, in parts of the whole scale; 0 is no bound. Half a minute's
    worth can be saved up. Half of what is saved is kept for those who come: their tap is heard at once, though the
    room is on its way somewhere already.
    """

    per_minute: float = 1.0
    _shown: dict[str, float] = field(default_factory=dict)
    _saved: float = field(init=False)
    _at_s: float | None = None

    def __post_init__(self) -> None:
        self._saved = self._most

    @property
    def _most(self) -> float:
        return self.per_minute * SAVED_MINUTES

    def towards(self, wanted: Mapping[str, float], now_s: float, *, tapped: bool = False) -> dict[str, float]:
        """The likings to act by now. `now_s`: seconds on a clock that never goes back; tapped: somebody just came
        or left."""
        self._save(now_s)
        way = _way(self._shown, wanted)
        step = min(way, self._allowed(tapped)) if self.per_minute > 0 else way
        if step < min(way, LEAST_STEP) and not tapped:
            step = 0.0
        self._shown = bounded_step(self._shown, wanted, step)
        self._saved -= step
        return dict(self._shown)

    def _save(self, now_s: float) -> None:
        elapsed_s = 0.0 if self._at_s is None else max(now_s - self._at_s, 0.0)
        self._at_s = now_s
        self._saved = min(self._saved + self.per_minute * elapsed_s / 60, self._most)

    def _allowed(self, tapped: bool) -> float:
        """A tap takes half of what is saved, so that the next finds something too; the rest waits for the reserve."""
        if tapped:
            return max(self._saved / 2, min(self._saved, LEAST_STEP))
        return max(self._saved - self._most / 2, 0.0)


def _way(old: Mapping[str, float], new: Mapping[str, float]) -> float:
    """The longest way that any value has to go."""
    return max((abs(value - old[key]) for key, value in new.items() if key in old), default=0.0)


def _from(old: Mapping[str, float], key: str, value: float, part: float) -> float:
    start = old.get(key, value)
    return start + part * (value - start)
