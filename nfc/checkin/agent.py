"""The reader process: whatever any reader reports becomes a stored tap, and the readers' states are shown."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

from appliance.errors import SetupError, StoreBusy, TransientError
from appliance.model import CardKey, TapRead, TapResult
from appliance.runtime import Runtime
from appliance.store import Store
from checkin import rules, sun
from checkin.attendant import Attendant, ReaderState, Tap
from checkin.feedback import ANSWERS, Answer, Lamps
from checkin.hang import HangWatch
from checkin.keyring import Keyring
from checkin.presence import Cooldown, Presence
from checkin.reader import Driver, TagRead, uid_fault
from checkin.writing import Copied, Judge, Meaning, RoomSticker

log = logging.getLogger(__name__)

WAITING_TAPS = 256
WAIT_S = 0.5
FULL_WAIT_S = 0.1
BEAT_S = 5.0
STOP_WITHIN_S = 2.0


class Agent:
    """One `step` takes one report. Readers report from their threads, or from `attend` where there are none.

    closing_s: asks for the boot-clock second at which the room closes, None = never.
    lamps, readers_show: what answers a tap beside the screen: the box's own lights, and the reader's.
    """

    def __init__(
        self,
        store: Store,
        runtime: Runtime,
        keys: Keyring,
        drivers: Sequence[Driver],
        *,
        closing_s: Callable[[], float | None] = lambda: None,
        cloud_url: str = "",
        lamps: Lamps | None = None,
        readers_show: bool = False,
    ) -> None:
        self._store = store
        self._runtime = runtime
        self._keys = keys
        self._closing_s = closing_s
        self._judge = Judge(cloud_url.rstrip("/"), tuple(keys.signs_cards()), keys.sun_keys)
        self._reports: queue.SimpleQueue[Tap | ReaderState | None] = queue.SimpleQueue()
        self._unstored: Tap | None = None
        self._refused = ""
        self._last: dict[str, Any] | None = None
        self._turned_away: dict[str, Any] | None = None
        self._misreads = 0
        self._published_s = float("-inf")
        self._halt = threading.Event()
        self._lamps = lamps or Lamps()
        self._readers_show = readers_show
        cooldown = Cooldown()
        self._attendants = [
            Attendant(driver, store.clock, self._take, Presence(cooldown=cooldown)) for driver in drivers
        ]
        self._states = {one.state.where: one.state for one in self._attendants}
        self._threads: list[threading.Thread] = []
        self._hangs = HangWatch(self._attendants)
        self._publish()

    def start(self) -> None:
        """A thread for each reader."""
        self._lamps.start()
        for one in self._attendants:
            thread = threading.Thread(target=self._attend_until_halt, args=(one,), name=f"reader {one.state.where}")
            thread.daemon = True
            thread.start()
            self._threads.append(thread)

    def wake(self) -> None:
        """End the wait of a step. Safe in a signal handler: this queue's `put` takes no lock of Python's."""
        self._reports.put(None)

    def stop(self) -> None:
        """End the threads and let go of every device."""
        self._halt.set()
        for thread in self._threads:
            thread.join(STOP_WITHIN_S)
        if not self._threads:
            self._close_all()
        self._lamps.stop()
        gone = (replace(one, state="absent", why="the reader process has stopped") for one in self._states.values())
        self._states = {one.where: one for one in gone}
        self._publish()

    def attend(self) -> None:
        """Step every reader once, in this thread: for tests and for a caller that drives the agent itself."""
        for one in self._attendants:
            one.step()

    def step(self, timeout_s: float = WAIT_S) -> TapResult | None:
        """Wait for a report, at most `timeout_s`, and act on it; the result if it was a tap.

        Raises StoreBusy when another held the store; the tap is kept and stored by the next step. Raises
        TransientError when the disk refused it; it is gone then, and shown as refused: a tap that counts by itself
        minutes later would be a lie. Raises SetupError when a reader's thread hangs: only a new process is rid of it.
        """
        self._store.db.check()
        self._watch_threads()
        report = self._unstored or self._next_report(timeout_s)
        if isinstance(report, Tap):
            return self._store_tap(report)
        if report is not None:
            self._states[report.where] = report
            self._publish()
            self._store.db.ring()  # a screen that sends guests to a reader that is away misleads them
        elif self._store.clock.boot_s() - self._published_s >= BEAT_S:
            self._publish()
        return None

    def _watch_threads(self) -> None:
        where = self._hangs.stuck(self._store.clock.boot_s()) if self._threads else None
        if where is not None:
            raise SetupError(f"the driver of reader {where} does not come back: to be started afresh")

    def _take(self, report: Tap | ReaderState) -> None:
        """Called by the readers. Waits when the store is behind, but never past the end."""
        while self._reports.qsize() >= WAITING_TAPS and not self._halt.is_set():
            self._halt.wait(FULL_WAIT_S)
        self._reports.put(report)

    def _next_report(self, timeout_s: float) -> Tap | ReaderState | None:
        try:
            return self._reports.get(timeout=timeout_s) if timeout_s > 0 else self._reports.get_nowait()
        except queue.Empty:
            return None

    def _store_tap(self, tap: Tap) -> TapResult | None:
        self._unstored = None
        fault, meaning = uid_fault(tap.tag.uid), self._judge.meaning(tap.tag)
        if fault:
            self._ignore(tap, fault)
            return None
        if isinstance(meaning, Copied):
            self._ignore(tap, meaning.why)
            self._turn_away(tap, "copy")
            return None
        try:
            result = self._store.people.record_tap(self._keyed(tap, meaning), rules, closing_s=self._closing_s())
        except StoreBusy:
            self._unstored = tap
            raise
        except TransientError as error:
            self._refused = f"the last tap was not stored: {error}"
            self._turn_away(tap, "disk")
            raise
        self._refused = ""
        self._answer(ANSWERS[result.outcome], tap)
        self._show(result, tap)
        return result

    def _keyed(self, tap: Tap, meaning: Meaning) -> TapRead:
        """The tap in the words of the database: from here on nobody knows a card's number."""
        names, as_signer, counter = self._names(tap.tag, meaning)
        first = names[0] if names else CardKey("", 0)
        return TapRead(tap.tap_id, first.key_hash or None, first.version, tap.boot_ms, tap.wall_ms,
                       older=tuple(names[1:]), counter=counter, as_signer=tuple(as_signer),
                       lay_there=tap.tag.lay_there)  # fmt: skip

    def _names(self, tag: TagRead, meaning: Meaning) -> tuple[list[CardKey], list[CardKey], int | None]:
        if isinstance(meaning, sun.Proof):
            by_number = self._keys.of_number(tag.tech, meaning.uid)  # once, when its word was not heard to the end
            return [*self._keys.of_signer(meaning.uid), *by_number], [], meaning.counter
        if tag.random_uid or isinstance(meaning, RoomSticker):
            return [], [], None
        return self._keys.of_number(tag.tech, tag.uid), self._keys.of_signer(tag.uid), None

    def _answer(self, answer: Answer, tap: Tap) -> None:
        self._lamps.show(answer)
        for one in self._attendants if self._readers_show else ():
            if one.state.where == tap.where:
                one.show(answer)

    def _turn_away(self, tap: Tap, why: Literal["copy", "disk"]) -> None:
        """Nothing is stored of it; whoever holds the card must know all the same."""
        self._turned_away = {"why": why, "at_boot_s": tap.boot_ms / 1000}
        self._answer("refused", tap)
        self._publish()
        self._store.db.ring()

    def _ignore(self, tap: Tap, why: str) -> None:
        if not self._misreads:
            log.warning("a %s tag was ignored, and more of the kind will be in silence: %s", tap.tag.tech, why)
        self._misreads += 1

    def _show(self, result: TapResult, tap: Tap) -> None:
        self._last = {
            "tap_id": result.tap_id,
            "outcome": result.outcome,
            "name": result.listener.display_name if result.listener else None,
            "at_boot_s": tap.boot_ms / 1000,
        }
        self._publish()

    def _publish(self) -> None:
        readers = [
            {"where": one.where, "name": one.name, "state": one.state, "why": one.why or self._refused}
            for one in self._states.values()
        ]
        self._published_s = self._store.clock.boot_s()
        state = {
            "boot_s": round(self._published_s, 3),
            "readers": readers,
            "dark": dict(self._lamps.dark),
            "last": self._last,
            "turned_away": self._turned_away,
        }
        self._runtime.publish("reader", state)

    def _attend_until_halt(self, one: Attendant) -> None:
        try:
            while not self._halt.is_set():
                wait_s = one.step()
                if wait_s > 0:
                    self._halt.wait(wait_s)
        finally:
            one.close()

    def _close_all(self) -> None:
        for one in self._attendants:
            one.close()
