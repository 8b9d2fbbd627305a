"""What one client of the staff pages has in hand: the song whose choices lie open, and what was said last."""

from __future__ import annotations

import math
from typing import Literal

from appliance.clock import Clock
from appliance.ui.word import Said

Outcome = Literal["said", "undone", "refused"]
TOLD_S: dict[Outcome, float] = {"said": 10.0, "undone": 5.0, "refused": 10.0}


class Desk:
    """Plain: no page is needed to try it. `song_id` is the song whose choices lie open, None when none do."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._outcome: Outcome = "said"
        self._said: Said | None = None
        self._at_s = -math.inf
        self.song_id: str | None = None

    def now(self) -> tuple[Outcome, Said | None] | None:
        """What is to be told at this moment, and of which word; None when all has been."""
        told = self._clock.boot_s() - self._at_s < TOLD_S[self._outcome]
        return (self._outcome, self._said) if told else None

    def take(self, said: Said) -> None:
        """It is stored, and may be taken back for a while."""
        self._tell("said", said)

    def take_back(self) -> Said | None:
        """The word to undo; once, and while that is offered."""
        told = self.now()
        if told is None or told[0] != "said" or told[1] is None:
            return None
        self._tell("undone", told[1])
        return told[1]

    def refuse(self) -> None:
        """The last touch was not stored."""
        self._tell("refused", None)

    def _tell(self, outcome: Outcome, said: Said | None) -> None:
        self._outcome, self._said, self._at_s = outcome, said, self._clock.boot_s()
