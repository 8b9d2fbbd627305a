"""The wall clock jumps ten years back under running processes: stays, votes and sound go by boot time."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from sync.wire import HEARTBEAT_S
from tests.faults.fault_table import TIMES, FaultTable
from tests.faults.listening import longest_silence_s, recorded_s
from tests.faults.machine import Machine
from tests.faults.real_box import RealBox, now_s, real_box
from tests.faults.real_cloud import real_cloud
from tests.faults.wall_clock import WallClock

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

TEN_YEARS_S = 10 * 365 * 86_400
JUMPS = {"back": -TEN_YEARS_S, "ahead": TEN_YEARS_S}


@pytest.mark.parametrize("way", JUMPS)
def test_ten_years_while_running(way: str, machine: Machine, faults: FaultTable) -> None:
    with TemporaryDirectory(prefix="cosound-f-") as folder, real_box(Path(folder)) as box:
        wall = WallClock(Path(folder))
        box.env.update(wall.env)
        box.with_songs().start("player", "nfc").up()
        acknowledged = [box.tap_and_see(1), box.tap_and_see(2)]
        from_s, began_s = recorded_s(box.recording), now_s()
        wall.set(JUMPS[way])
        acknowledged.append(box.tap_and_see(3))
        recovery_s = now_s() - began_s
        jumped_ms = wall_of(box, acknowledged[-1]) - wall_of(box, acknowledged[0])
        assert jumped_ms / JUMPS[way] > 900
        box.until(lambda: recorded_s(box.recording) > from_s + 2, "the recording")
        assert box.read("select count(*) from sessions where status = 'active'") == [(3,)]
        box.until(lambda: box.runtime.read("player")["here"] == 3, "all three in the player's eyes")
        assert box.restarts == 0
        assert longest_silence_s(box.recording, from_s) < machine.bearable_gap_s
        faults.note(f"clock ten years {way}", acknowledged=acknowledged, found=box.taps(), recovery_s=recovery_s)


@pytest.mark.parametrize("way", JUMPS if TIMES > 1 else ["back"])
def test_the_next_heartbeat_is_no_more_than_a_period_late(way: str, faults: FaultTable) -> None:
    """A timer that goes by the wall clock would sleep for ten years; the agent notices within a second or two."""
    with (
        TemporaryDirectory(prefix="cosound-c-") as there,
        real_cloud(Path(there)) as cloud,
        TemporaryDirectory(prefix="cosound-f-") as folder,
        real_box(Path(folder), **cloud.box_env) as box,
    ):
        wall = WallClock(Path(folder))
        box.env.update(wall.env)
        box.start("sync", "nfc").up()
        box.until(cloud.last_heard, "the first heartbeat")
        wall.set(JUMPS[way])
        before = cloud.last_heard()
        box.tap_and_see(1)
        ops = [row[0] for row in box.read("select op_id from taps where op_id is not null")]
        recovery_s = box.until(lambda: cloud.last_heard() > before, "the next heartbeat", 2 * HEARTBEAT_S)
        box.until(lambda: set(ops) <= set(cloud.ops()), "the tap in the cloud")
        assert box.restarts == 0
        found = [op for op in cloud.ops() if op in ops]
        faults.note(f"timers, clock ten years {way}", acknowledged=ops, found=found, recovery_s=recovery_s)


def wall_of(box: RealBox, tap_id: str) -> int:
    """What the wall clock said at that tap, in milliseconds."""
    return int(box.read(f"select wall_ms from taps where id = '{tap_id}'")[0][0])
