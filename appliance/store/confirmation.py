"""The cloud's word that the stored queue still holds: said every half minute, so it never touches the card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from appliance.clock import Clock
from appliance.runtime import Runtime

SUBJECT = "queue"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """When (boot clock, seconds) the cloud last confirmed the queue, and the name it has there now."""

    boot_s: float
    rev: str


class Confirmations:
    """Kept beside the bells: outlives every process, and ends with the boot.

    `mark` is the stored queue's own: a confirmation counts for the queue it was said of, and for no later one.
    """

    def __init__(self, runtime: Runtime, clock: Clock) -> None:
        self._runtime = runtime
        self._clock = clock

    def note(self, mark: Mapping[str, Any], rev: str) -> None:
        now = {"boot_id": self._clock.boot_id, "boot_s": self._clock.boot_s(), "rev": rev}
        self._runtime.publish(SUBJECT, now | {"of": _name(mark)})

    def latest(self, mark: Mapping[str, Any]) -> Confirmation | None:
        said = self._runtime.read(SUBJECT)
        if said.get("of") != _name(mark) or said.get("boot_id") != self._clock.boot_id:
            return None
        return Confirmation(float(said["boot_s"]), str(said["rev"]))


def _name(mark: Mapping[str, Any]) -> list[Any]:
    return [mark["source"], mark["boot_id"], mark["boot_s"]]
