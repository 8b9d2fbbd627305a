"""The thread that renders: slabs whenever the last block of those before has been taken.

While nobody's course changes it makes as many at a time as the fifo takes: at a card's pace every wake-up finds the
caches cold, and the second slab costs a quarter of the first. What an order changes then is made anew.
"""

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
        self._handed = 0  # the desk's frames; never more than were, so that none seems played that is not
        self._failed = False  # whether the last slab did
        self._unrecorded: Samples = np.zeros((0, desk.channels), np.float32)
        self._silence = np.zeros((SLAB, desk.channels), np.float32)
        self._on_probation = False
        self._since: tuple[float, int] | None = None  # seconds, and frames played by then
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
        self._since, self._on_probation = None, True

    def waiting_frames(self) -> int:
        """How much has been handed over but not taken."""
        return self._fifo.waiting_bytes() // self._frame_bytes

    def played_frames(self) -> int:
        """How much has been taken. While something is made again it may seem less for a moment, but never more."""
        while True:
            handed = self._handed
            played = handed - self.waiting_frames()
            if handed == self._handed:
                return max(0, played)

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
        self._record(self.waiting_frames())

    def _next(self) -> None:
        if self._on_probation:
            self._watch_pace()
        self._record()
        self._hand_over()

    def _hand_over(self) -> None:
        """Make a slab, and as many as the fifo takes while it runs on."""
        self._fifo.take_slabs()
        first_ns = made = 0
        while made == 0 or (made < self._fifo.slabs and self._desk.runs_on):
            begin_ns = time.monotonic_ns()
            slab = self._slab()
            if slab is None and made:
                break  # there is time to try again
            self._failed = slab is None
            self._put(self._silence if slab is None else slab)
            end_ns = time.monotonic_ns()
            self._clock.rendered(end_ns - begin_ns)
            first_ns, made = first_ns or end_ns, made + 1
        self._clock.handed_over(first_ns, made * SLAB, self._fifo.held_up_ns)

    def _slab(self) -> Samples | None:
        """The next slab, or nothing when it fails."""
        try:
            return self._desk.slab()
        except Exception as error:  # noqa: BLE001  the room must go on; who looks after the engine reports it
            self._fault = error
            self.faults += 1
            return None

    def _once_more(self) -> None:
        """Let the master's new goal be heard at the next block, and a new scene at the next slab: what the card has
        not taken yet is made again."""
        if self._failed:
            self._drop()  # silence, and nothing to make it from again
            return
        frames = self._take_back()
        if not frames:
            return
        standing = self._desk.go_back(frames)
        self._fifo.take_slabs()
        if standing:
            self._put_again(standing)
        if standing < frames:
            self._clock.handed_over(time.monotonic_ns(), standing, 0)
        self._fifo.take_no_more()  # what is new is made when the last block is taken, neither later nor sooner

    def _put_again(self, frames: int) -> None:
        """In pieces that end with slabs, as the fifo had them."""
        again = self._desk.again(frames)
        first = frames % SLAB or SLAB
        self._put(again[:first])
        for start in range(first, frames, SLAB):
            self._put(again[start : start + SLAB])

    def _put(self, samples: Samples) -> None:
        self._fifo.put(samples)
        if samples is not self._silence:
            self._handed += len(samples)
        if self._recorder is not None:
            self._unrecorded = np.concatenate((self._unrecorded, samples))

    def _take_back(self) -> int:
        waiting = self.waiting_frames()
        self._handed -= waiting
        frames = self._drop()
        self._handed += waiting - frames
        return frames

    def _drop(self) -> int:
        frames = self._fifo.take_back() // self._frame_bytes
        self._unrecorded = self._unrecorded[: max(0, len(self._unrecorded) - frames)]
        return frames

    def _record(self, waiting: int = 0) -> None:
        """What has been taken is final."""
        taken = len(self._unrecorded) - waiting
        if self._recorder is not None and taken > 0:
            self._recorder.take(self._unrecorded[:taken])
            self._unrecorded = self._unrecorded[taken:]

    def _go_first(self) -> None:
        for thread in (self._thread.native_id, *self._card_threads()):
            if thread is not None:
                put_first(thread)
        if self._process_first:
            put_holders_first()

    def _watch_pace(self) -> None:
        """Threads that have begun meanwhile go first with the others, or none does any more."""
        now_s, played = time.monotonic(), self.played_frames()
        self._since = since_s, before = self._since or (now_s, played)
        self._go_first()
        if played - before >= (PROBATION - 1) * SLAB:
            self._on_probation = False
            if now_s - since_s <= CARD_PACE * (played - before) / SAMPLE_RATE:
                put_back()
