"""Notices a reader whose driver never comes back: its thread would stand there for days, and look ready."""

from __future__ import annotations

from collections.abc import Sequence

from checkin.attendant import Attendant

STUCK_AFTER_S = 20.0
LONGEST_GAP_S = 1.0


class HangWatch:
    """Counts the time in which an attendant made no step while we did: two looks with a longer pause between them
    count as `LONGEST_GAP_S`, because then nobody may have run at all."""

    def __init__(self, attendants: Sequence[Attendant]) -> None:
        self._attendants = attendants
        self._steps = [one.steps for one in attendants]
        self._stood_s = [0.0] * len(attendants)
        self._looked_s: float | None = None

    def stuck(self, now_s: float) -> str | None:
        """The reader that has stood still for too long, None when all go on. `now_s` runs on any steady clock."""
        gap_s = 0.0 if self._looked_s is None else min(now_s - self._looked_s, LONGEST_GAP_S)
        self._looked_s = now_s
        for number, one in enumerate(self._attendants):
            went_on = one.steps != self._steps[number]
            self._steps[number] = one.steps
            self._stood_s[number] = 0.0 if went_on else self._stood_s[number] + gap_s
            if self._stood_s[number] >= STUCK_AFTER_S:
                return one.state.where
        return None
