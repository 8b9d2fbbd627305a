"""The thread that renders: a slab whenever the last block of the one before has been taken."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import numpy as np

from mixer.bus import SLAB
from mixer.desk import Desk
from mixer.envelope import Samples
from mixer.fifo import Fifo
from mixer.priority import here, prefer, put_back, put_first, put_holders_first
from mixer.recorder import Recorder
from mixer.scene import SAMPLE_RATE
from mixer.slab_clock import SlabClock

PROBATION = 24  # slabs
CARD_PACE = 0.5  # of real time; who asks faster than that is no card, and would never let anybody else have a turn
CLOSING_PATIENCE_S = 2.0

log = logging.getLogger(__name__)


class Pump:
    """Keeps `fifo` filled from `desk`. `faults` counts slabs that failed and were handed over as silence."""

    def __init__(
        self,
        desk: Desk,
        fifo: Fifo,
        clock: SlabClock,
        recorder: Recorder | None = None,
        *,
        process_first: bool = False,
    ) -> None:
        """process_first: whether the whole process goes first, as the sound does."""
        self.faults = 0
        self._process_first = process_first
        self._desk = desk
        self._fifo = fifo
        self._clock = clock
        self._recorder = recorder
        self._fault: Exception | None = None
        self._frame_bytes = 4 * desk.channels
        self._out: Samples = np.zeros((0, desk.channels), np.float32)
        self._silence = np.zeros((SLAB, desk.channels), np.float32)
        self._probation = 0
        self._since_s = 0.0
        self._card_threads: Callable[[], tuple[int, ...]] = tuple
        self._thread = threading.Thread(target=self._run, name="pump", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End it; whoever waits for a block waits no longer."""
        self._fifo.close()
        if self._thread.ident is not None:
            self._thread.join(CLOSING_PATIENCE_S)

    def feed(self, card_threads: Callable[[], tuple[int, ...]], *, from_silence: bool = False) -> None:
        """A card begins to take blocks, on these threads: served first, unless it turns out to be none.

        from_silence: whether the mix, which is under way, is to come up to it.
        """
        if from_silence:
            self._desk.begin_anew()
            self._fifo.ring()
        self._card_threads = card_threads
        self._go_first()
        self._probation = PROBATION

    def waiting_frames(self) -> int:
        """How much has been handed over but not taken."""
        return self._fifo.waiting_bytes() // self._frame_bytes

    def report_fault(self) -> None:
        """Write down what failed last; not for the thread that renders."""
        fault, self._fault = self._fault, None
        if fault is not None:
            log.error("rendering failed (%d times in all); silence was played", self.faults, exc_info=fault)

    def _run(self) -> None:
        prefer(here())
        fifo = self._fifo
        try:
            while fifo.wait():
                if fifo.answered() and not fifo.has_room:
                    self._once_more()
                elif fifo.has_room:
                    self._next()
        except OSError:
            log.debug("nobody takes blocks any more")
        self._record(len(self._out) - self.waiting_frames())

    def _next(self) -> None:
        begin_ns = time.monotonic_ns()
        if self._recorder is not None:
            self._record(len(self._out))
        try:
            self._out = self._desk.slab()
        except Exception as error:  # noqa: BLE001  the room must go on; who looks after the engine reports it
            self._out, self._fault = self._silence, error
            self.faults += 1
        self._fifo.put(self._out)
        self._clock.rendered(begin_ns, time.monotonic_ns(), self._fifo.held_up_ns)
        if self._probation:
            self._watch_pace()

    def _once_more(self) -> None:
        """Let the master's new goal be heard at the next block: what the card has not taken yet is made again."""
        frames = self._fifo.take_back() // self._frame_bytes
        if frames and self._out is not self._silence:
            whole, again = self._out, self._desk.again(frames)
            if self._recorder is not None:
                self._out = np.concatenate((whole[: len(whole) - frames], again))
            self._fifo.put(again)

    def _record(self, frames: int) -> None:
        """What has been taken is final."""
        if self._recorder is not None and frames > 0:
            self._recorder.take(self._out[:frames])

    def _go_first(self) -> None:
        for thread in (self._thread.native_id, *self._card_threads()):
            if thread is not None:
                put_first(thread)
        if self._process_first:
            put_holders_first()

    def _watch_pace(self) -> None:
        """Threads that have begun meanwhile go first with the others, or none does any more."""
        now_s = time.monotonic()
        if self._probation == PROBATION:
            self._since_s = now_s
        self._probation -= 1
        self._go_first()
        sounded_s = (PROBATION - 1) * SLAB / SAMPLE_RATE
        if not self._probation and now_s - self._since_s <= CARD_PACE * sounded_s:
            put_back()
