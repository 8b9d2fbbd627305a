"""What the lights and beepers beside a reader answer to a tap, each pattern known by its rhythm alone."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from appliance.model import TapOutcome
from appliance.process import UpOrDown

log = logging.getLogger(__name__)

Answer = Literal["in", "out", "phone", "refused"]
ANSWERS: Mapping[TapOutcome, Answer] = {"in": "in", "stay": "in", "out": "out", "phone": "phone", "again": "phone"}
END_WITHIN_S = 0.2


@dataclass(frozen=True, slots=True)
class Flash:
    """On for `on_s` at `tone_hz`, which a light does not mind, then off for `off_s`."""

    on_s: float
    off_s: float
    tone_hz: int


# The tones are the chimes': up, down, twice the same. A light: one long, two short, three quick, a flicker.
PATTERNS: Mapping[Answer, tuple[Flash, ...]] = {
    "in": (Flash(0.12, 0.0, 659), Flash(0.30, 0.0, 988)),
    "out": (Flash(0.12, 0.12, 988), Flash(0.12, 0.0, 659)),
    "phone": (Flash(0.07, 0.07, 440),) * 3,
    "refused": (Flash(0.04, 0.04, 220),) * 6,
}


class Lamp(Protocol):
    """A light or a beeper. `where` is its name in the configuration."""

    @property
    def where(self) -> str: ...

    def set(self, tone_hz: int) -> None:
        """On, at this tone if it has any; 0 = off. Raises OSError."""


class Lamps:
    """Plays answers on every lamp at once, from a thread of its own: no tap waits for a light.

    A newer answer cuts an older one short. A lamp that fails is said once and stands in `dark` until it works.
    """

    def __init__(self, lamps: Sequence[Lamp] = ()) -> None:
        self._lamps = [(lamp, UpOrDown(lamp.where)) for lamp in lamps]
        self.dark: dict[str, str] = {}  # why a lamp does not light, by its name
        self._asked: queue.SimpleQueue[Answer | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._halt = threading.Event()

    def start(self) -> None:
        """Put all lamps out, which also shows at once what may not be lit; begin to answer."""
        if self._lamps:
            self._set(0)
            self._thread = threading.Thread(target=self._play_all, name="lamps", daemon=True)
            self._thread.start()

    def show(self, answer: Answer) -> None:
        if self._thread is not None:
            self._asked.put(answer)

    def stop(self) -> None:
        """Put them out and end."""
        self._halt.set()
        self._asked.put(None)
        if self._thread is not None:
            self._thread.join(END_WITHIN_S)

    def _play_all(self) -> None:
        while (answer := self._asked.get()) is not None:
            self._play(PATTERNS[answer])

    def _play(self, pattern: Sequence[Flash]) -> None:
        for flash in pattern:
            if not self._asked.empty():
                break
            self._set(flash.tone_hz)
            self._halt.wait(flash.on_s)
            if flash.off_s:
                self._set(0)
                self._halt.wait(flash.off_s)
        self._set(0)

    def _set(self, tone_hz: int) -> None:
        for lamp, state in self._lamps:
            try:
                lamp.set(tone_hz)
            except OSError as error:
                state.failed(error)
                self.dark[lamp.where] = str(error)
            else:
                state.worked()
                self.dark.pop(lamp.where, None)
