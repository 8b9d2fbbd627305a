"""Who may enter the staff pages: a PIN, five tries, then a wait that doubles."""

from __future__ import annotations

import hmac
import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance.clock import Clock

log = logging.getLogger(__name__)

FREE_TRIES = 5
FIRST_WAIT_S = 30.0
LONGEST_WAIT_S = 3600.0


def wait_after(failures: int) -> float:
    """Seconds to wait after that many wrong PINs in a row: none below five, then 30, 60, 120 … an hour."""
    if failures < FREE_TRIES:
        return 0.0
    return float(min(FIRST_WAIT_S * 2 ** min(failures - FREE_TRIES, 10), LONGEST_WAIT_S))


@dataclass(frozen=True, slots=True)
class Tries:
    """Wrong PINs in a row, and until when, on which boot's clock, the pad stays shut."""

    failures: int = 0
    boot_id: str = ""
    until_s: float = 0.0


class PinGuard:
    """Counts wrong PINs in a small file, so that neither a restart nor a pulled plug gives new tries.

    pin: the staff PIN; empty = nobody may enter. file: in the data directory.
    """

    def __init__(self, pin: str, file: Path, clock: Clock) -> None:
        self._pin = pin
        self._file = file
        self._clock = clock
        self._tries = self._on_this_boot(self._read())

    @property
    def enabled(self) -> bool:
        return bool(self._pin)

    def wait_s(self) -> float:
        """Seconds until the next try is taken, 0 = now."""
        return max(self._tries.until_s - self._clock.boot_s(), 0.0)

    def tries_left(self) -> int:
        """Tries before the next one costs a wait."""
        return max(FREE_TRIES - self._tries.failures, 0)

    def admits(self, given: str) -> bool:
        """Is this the PIN? Never while a wait runs. A try counts before it is compared: a pulled plug is no way out."""
        if not self.enabled or self.wait_s() > 0:
            return False
        failures = self._tries.failures + 1
        self._keep(self._shut(failures))
        if not hmac.compare_digest(given.encode(), self._pin.encode()):
            return False
        self._keep(Tries())
        return True

    def _shut(self, failures: int) -> Tries:
        return Tries(failures, self._clock.boot_id, self._clock.boot_s() + wait_after(failures))

    def _on_this_boot(self, tries: Tries) -> Tries:
        """After a new boot nobody knows how long the box was off: the whole wait runs again."""
        return tries if tries.boot_id == self._clock.boot_id else self._shut(tries.failures)

    def _read(self) -> Tries:
        try:
            stored = json.loads(self._file.read_text())
            return Tries(int(stored["failures"]), str(stored["boot_id"]), float(stored["until_s"]))
        except FileNotFoundError:
            return Tries()
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s cannot be read (%s): counting it as %d wrong PINs", self._file, error, FREE_TRIES)
            return Tries(FREE_TRIES)

    def _keep(self, tries: Tries) -> None:
        self._tries = tries
        temp = self._file.with_suffix(".part")
        try:
            with temp.open("w") as handle:
                handle.write(json.dumps(asdict(tries)))
                handle.flush()
                os.fsync(handle.fileno())
            temp.replace(self._file)
        except OSError as error:
            log.warning("%s cannot be written (%s): wrong PINs are counted in memory only", self._file, error)
