"""A reader whose cards come by a script, for tests and rehearsals."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from checkin.reader import TagRead


class ScriptedReader:
    """Shows each tag for one poll once its time has come.

    script: (at_s, tag), `at_s` counted from opening on `now_s`, which is the test's clock.
    """

    continuous = False
    where = "script"

    def __init__(self, script: Iterable[tuple[float, TagRead]], now_s: Callable[[], float]) -> None:
        self._script = sorted(script, key=lambda entry: entry[0])
        self._now_s = now_s
        self._opened_s: float | None = None

    def plugged(self) -> bool:
        return True

    def open(self) -> str:
        if self._opened_s is None:
            self._opened_s = self._now_s()
        return "scripted reader"

    def poll(self, timeout_s: float) -> TagRead | None:
        """Answers at once, whatever the timeout: a test's clock does not run by itself."""
        if self._opened_s is None or not self._script:
            return None
        at_s, tag = self._script[0]
        if self._now_s() - self._opened_s < at_s:
            return None
        self._script.pop(0)
        return tag

    def close(self) -> None:
        """Nothing to let go of."""
