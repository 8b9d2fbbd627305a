"""Songs that should have been heard and were not, though begun anew: for an hour others have their places."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Set
from dataclasses import dataclass, field

from mixer.engine import HEAL_AFTER_S
from mixer.scene import Layer

log = logging.getLogger(__name__)

ASIDE_AFTER_S = 2 * HEAL_AFTER_S  # the engine has begun them anew meanwhile
ASIDE_FOR_S = 3600.0
LOW_DB = -30.0  # so far down somebody has turned it, and wants it that quiet


@dataclass(slots=True)
class Unheard:
    """Judges a silence by its length, and knows who is set aside for it."""

    _until_s: dict[str, float] = field(default_factory=dict)
    _due_s: float = ASIDE_AFTER_S

    def judge(self, silent_for_s: float, layers: Iterable[Layer], now_s: float) -> bool:
        """Set aside whom the room should hear, if it has heard nothing for long; those who come instead get as long.

        silent_for_s: as in `EngineStatus`. now_s: boot time. True when somebody was set aside who was not yet.
        """
        if silent_for_s == 0:
            self._due_s = ASIDE_AFTER_S
        if silent_for_s < self._due_s:
            return False
        self._due_s = silent_for_s + ASIDE_AFTER_S
        aside = self.aside(now_s)
        silent = [layer for layer in _meant_to_be_heard(layers) if layer.song_id not in aside]
        for layer in silent:
            log.warning("%s is not heard, nor when begun anew: others go before it for an hour", layer.title)
            self._until_s[layer.song_id] = now_s + ASIDE_FOR_S
        return bool(silent)

    def aside(self, now_s: float) -> Set[str]:
        """Whose places others have now."""
        self._until_s = {song_id: until_s for song_id, until_s in self._until_s.items() if now_s < until_s}
        return self._until_s.keys()


def _meant_to_be_heard(layers: Iterable[Layer]) -> list[Layer]:
    layers = list(layers)
    alone = [layer for layer in layers if layer.solo]
    return [layer for layer in alone or layers if not layer.muted and layer.gain_db > LOW_DB]
