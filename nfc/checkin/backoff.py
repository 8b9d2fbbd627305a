"""How long to leave a lost reader alone."""

from __future__ import annotations

FIRST_S = 0.5
LONGEST_S = 30.0


class Backoff:
    """Half a second, then twice as long each time, at most half a minute; from the start again once it worked."""

    def __init__(self) -> None:
        self._next_s = FIRST_S

    def failed(self) -> float:
        """Seconds to wait now."""
        wait_s = self._next_s
        self._next_s = min(wait_s * 2, LONGEST_S)
        return wait_s

    def worked(self) -> None:
        self._next_s = FIRST_S
