"""The reader is pulled out, falls silent or raves: that is said, it comes back by itself, and nothing is left over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from appliance.demo.emulated_tag import Tag
from appliance.ui.english import ENGLISH
from tests.faults.fault_table import TIMES, FaultTable
from tests.faults.real_box import RealBox, real_box
from tests.faults.screen import screen_of
from tests.simulated_pn532 import SimulatedPN532

pytestmark = pytest.mark.processes

SAMPLES = 10
NOISE = b"\x00\x00\xff\x05\xfa\xd5"


class Bench:
    """The reader process on a box, and a PN532 under a stable name, as /dev/serial/by-id gives one."""

    def __init__(self, box: RealBox, link: Path) -> None:
        self.box, self.link = box, link
        self.chip = SimulatedPN532()
        self.link.symlink_to(self.chip.port)
        self._cards = 0

    def pull_out(self) -> None:
        self.link.unlink()
        self.chip.unplug()

    def plug_in(self) -> None:
        self.chip = SimulatedPN532()
        self.link.symlink_to(self.chip.port)

    def state(self) -> str:
        readers = self.box.runtime.read("reader").get("readers", ())
        return next((one["state"] for one in readers if one["where"] == str(self.link)), "")

    def until(self, state: str) -> float:
        return self.box.until(lambda: self.state() == state, f"a reader that is {state}")

    def tap(self) -> float:
        """A new card is held to it; seconds until its row can be read."""
        before, self._cards = len(self.box.taps()), self._cards + 1
        self.chip.tag = Tag(b"\x04" + self._cards.to_bytes(6, "big"))
        took_s = self.box.until(lambda: len(self.box.taps()) > before, "the card's row")
        self.chip.tag = None
        return took_s

    def settled(self) -> tuple[int, int]:
        """The fewest it holds in a while: it opens a file for a moment to publish and to commit."""
        seen = []
        self.box.until(lambda: seen.append(self.holds()) or len(seen) >= SAMPLES, "a few looks")
        return min(seen)

    def holds(self) -> tuple[int, int]:
        """(open files, threads) of the reader process."""
        process = Path(f"/proc/{self.box.running['nfc'].pid}")
        return len(list((process / "fd").iterdir())), len(list((process / "task").iterdir()))


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with TemporaryDirectory(prefix="cosound-r-", dir="/dev/shm") as name:
        link = Path(name) / "reader"
        with real_box(Path(name), COSOUND_READER=str(link)) as box:
            bench = Bench(box, link)
            box.start("nfc")
            bench.until("ready")
            yield bench
        bench.pull_out()


@pytest.mark.timeout(180 + 30 * TIMES)
def test_pulled_out_and_plugged_in_again(bench: Bench, faults: FaultTable) -> None:
    bench.tap()
    held = bench.settled()
    for _ in range(2 + TIMES):
        bench.tap()
        bench.box.until(lambda: bench.holds() == held, "no file and no thread more than the first time")
        bench.pull_out()
        bench.until("absent")
        assert "nothing is plugged in there" in why_of(bench) or "the line broke" in why_of(bench)
        assert screen_of(bench.box).guests == ENGLISH.no_way_in, "and no sign, for there is no cloud here"
        bench.plug_in()
        faults.note("reader pulled out", recovery_s=bench.until("ready") + bench.tap())
    assert bench.box.restarts == 0


@pytest.mark.parametrize(("fault", "harm"), [("reader mute", {"mute": True}), ("reader raves", {"noise": NOISE})])
@pytest.mark.timeout(180 + 60 * TIMES)
def test_silent_or_raving_it_is_away_and_comes_back(
    bench: Bench, faults: FaultTable, fault: str, harm: dict[str, object]
) -> None:
    for _ in range(TIMES):
        well = {name: getattr(bench.chip, name) for name in harm}
        for name, value in harm.items():
            setattr(bench.chip, name, value)
        bench.until("absent")
        assert screen_of(bench.box).guests == ENGLISH.no_way_in
        for name, value in well.items():
            setattr(bench.chip, name, value)
        faults.note(fault, recovery_s=bench.until("ready") + bench.tap())
    assert bench.box.restarts == 0


def why_of(bench: Bench) -> str:
    readers = bench.box.runtime.read("reader")["readers"]
    return str(next(one["why"] for one in readers if one["where"] == str(bench.link)))
