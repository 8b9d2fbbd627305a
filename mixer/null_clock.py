"""Time without a device: takes block after block at the pace a sound card would, and throws them away."""

from __future__ import annotations

import os
import threading
import time

from mixer.fifo import Fifo
from mixer.scene import SAMPLE_RATE

SAMPLE_BYTES = 4
LATEST_S = 1.0  # held up for longer than this, it does not catch up
CLOSING_PATIENCE_S = 1.0


class NullClock:
    """A thread that reads each block from `fifo` until `close`."""

    def __init__(self, fifo: Fifo, channels: int, block: int) -> None:
        self._fifo = fifo
        self._block_bytes = block * channels * SAMPLE_BYTES
        self._block_s = block / SAMPLE_RATE
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="null clock", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End it, waiting at most a second for a block that does not come."""
        self._stop.set()
        self._thread.join(CLOSING_PATIENCE_S)

    def _run(self) -> None:
        due_s = time.monotonic()
        while not self._stop.wait(max(0.0, due_s - time.monotonic())):
            if not os.read(self._fifo.outlet, self._block_bytes):
                return
            due_s = next_due(due_s, time.monotonic(), self._block_s)


def next_due(due_s: float, now_s: float, block_s: float) -> float:
    """When the block after the one due at `due_s` is due; late blocks are made up for, long absences are not."""
    return due_s + block_s if now_s - due_s < LATEST_S else now_s + block_s
