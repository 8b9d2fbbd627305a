"""The wall clock jumps ten years back under running processes: stays, votes and sound go by boot time."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.faults.fault_table import FaultTable
from tests.faults.listening import longest_silence_s, recorded_s
from tests.faults.machine import Machine, boot_s, watched_machine
from tests.faults.real_box import RealBox, now_s, real_box

pytestmark = pytest.mark.processes

TEN_YEARS_S = 10 * 365 * 86_400
JUMPS = {"back": -TEN_YEARS_S, "ahead": TEN_YEARS_S}


def library() -> Path:
    """libfaketime, which lies to a process about the time of day."""
    for folder in (Path("/usr/lib"), Path("/usr/local/lib")):
        for found in folder.glob("**/faketime/libfaketimeMT.so.1"):
            return found
    pytest.skip("needs libfaketime: apt-get install -y faketime")


def clock_of(file: Path) -> dict[str, str]:
    """The environment of a process whose time of day is what `file` says, and whose other clocks are true."""
    return {
        "LD_PRELOAD": str(library()),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


@pytest.mark.parametrize("way", JUMPS)
def test_ten_years_while_running(way: str, faults: FaultTable) -> None:
    """The control runs under the same library, which reads its file whenever somebody looks at a clock."""
    with TemporaryDirectory(prefix="cosound-f-") as folder, real_box(Path(folder)) as box:
        told = Path(folder) / "time"
        told.write_text("+0")
        box.env.update(clock_of(told))
        with watched_machine(**clock_of(told)) as late_wakings:
            box.with_songs().start("player", "nfc").up()
            machine = Machine(late_wakings, boot_s())
            acknowledged = [box.tap_and_see(1), box.tap_and_see(2)]
            from_s, began_s = recorded_s(box.recording), now_s()
            moved = Path(folder) / "time.new"
            moved.write_text(f"{JUMPS[way]:+d}")
            moved.replace(told)
            acknowledged.append(box.tap_and_see(3))
            recovery_s = now_s() - began_s
            jumped_ms = wall_of(box, acknowledged[-1]) - wall_of(box, acknowledged[0])
            assert jumped_ms / JUMPS[way] > 900
            box.until(lambda: recorded_s(box.recording) > from_s + 2, "the recording")
            assert box.read("select count(*) from sessions where status = 'active'") == [(3,)]
            box.until(lambda: box.runtime.read("player")["here"] == 3, "all three in the player's eyes")
            assert box.restarts == 0
            assert longest_silence_s(box.recording, from_s) < machine.bearable_gap_s
        for name in list(box.running):
            box.kill(name)  # a graceful end would sleep, and under this library time.sleep() raises
        faults.note(f"clock ten years {way}", acknowledged=acknowledged, found=box.taps(), recovery_s=recovery_s)


def wall_of(box: RealBox, tap_id: str) -> int:
    """What the wall clock said at that tap, in milliseconds."""
    return int(box.read(f"select wall_ms from taps where id = '{tap_id}'")[0][0])
