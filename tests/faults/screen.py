"""What the touchscreen says of a box, from the runtime files that its own process reads."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.clock import ManualClock, SystemClock
from appliance.linkwords import sync_now
from appliance.readers import readers_now
from appliance.ui.english import ENGLISH
from appliance.ui.facts import Facts, links_from, sound_from, turned_away_from
from appliance.ui.state import ScreenState
from tests.faults.real_box import RealBox


@dataclass(frozen=True, slots=True)
class Screen:
    """guests: the room display's headline. staff: the line under the mixer."""

    guests: str
    staff: str


def screen_of(box: RealBox, at_s: float | None = None) -> Screen:
    """at_s: at that moment by the boot clock, else now."""
    now_s, reader = SystemClock().boot_s(), box.runtime.read("reader")
    state = ScreenState(ManualClock(now_s if at_s is None else at_s), ENGLISH)
    state.facts = Facts(
        sound=sound_from(box.runtime.read("player")),
        links=links_from(sync_now(box.runtime.read("sync"), now_s), readers_now(reader, now_s)),
        turned_away=turned_away_from(reader),
    )
    return Screen(state.room().headline, state.mixer().status)


def refused_s(box: RealBox) -> float:
    """When the tap was, of which nothing could be stored; the screen tells of it for seconds only."""
    return float(box.runtime.read("reader")["turned_away"]["at_boot_s"])
