"""Hands that hold the crowd's cards to the reader: one card at a time, for as long as people do."""

from __future__ import annotations

import threading
import time

from appliance.demo.air import Air
from appliance.demo.emulated_tag import Tag

HOLD_S = 0.8


class Hand:
    """Any thread may ask; cards are held one after the other."""

    def __init__(self, air: Air) -> None:
        self._air = air
        self._one_at_a_time = threading.Lock()

    def hold(self, uid: bytes) -> None:
        """Hold the card with this number to the reader, then take it away."""
        with self._one_at_a_time:
            self._air.tag = Tag(uid)
            time.sleep(HOLD_S)
            self._air.tag = None
