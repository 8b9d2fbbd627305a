"""A thread that looks after something a few times a second, beside the audio thread and never in its way."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Care:
    """Calls `look` every `every_s` seconds from `start` to `close`."""

    def __init__(self, look: Callable[[], object], every_s: float) -> None:
        self._look = look
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="care", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End it, waiting for a look under way for at most two seconds."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(2.0)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self._look()
