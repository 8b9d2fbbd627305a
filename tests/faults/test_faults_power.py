"""The power goes while taps are written: what was acknowledged is on the card. The control, which does not wait for the
card, must lose some, or the rig would prove nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from appliance.resume import Bookmark
from appliance.store import open_store
from tests.faults.dice import dice
from tests.faults.fault_table import TIMES, FaultTable
from tests.faults.power import Card, card_with_power
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.processes

CUTS = int(os.environ.get("FAULTS_CUTS", "6" if TIMES == 1 else "1000"))
CONTROL_CUTS = 6 if TIMES == 1 else 60
MANY = 12


@dataclass
class Writer:
    """A process that taps as it is asked to; `acknowledged` grows as it says so."""

    process: subprocess.Popen[str]
    acknowledged: list[str] = field(default_factory=list)
    _more: threading.Condition = field(default_factory=threading.Condition)

    def listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._more:
                self.acknowledged.append(line.strip())
                self._more.notify_all()

    def tap(self, times: int, cut_after: int) -> None:
        """Ask for so many taps, and return when so many of them are acknowledged: the others are on their way."""
        assert self.process.stdin is not None
        count = len(self.acknowledged) + cut_after
        self.process.stdin.write("\n" * times)
        self.process.stdin.flush()
        with self._more:
            came = self._more.wait_for(lambda: len(self.acknowledged) >= count, PATIENCE_S)
        assert came, f"no {count} taps within {PATIENCE_S} s; the writer's exit code: {self.process.poll()}"


@contextmanager
def writing(card: Card, *options: str) -> Iterator[Writer]:
    command = [
        sys.executable,
        "-m",
        "tests.faults.tapping",
        str(card.folder / "data"),
        str(card.place / "run"),
        *options,
    ]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    writer = Writer(process)
    listener = threading.Thread(target=writer.listen)
    listener.start()
    try:
        yield writer
    finally:
        process.kill()
        process.wait()
        listener.join()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


def cut(card: Card, writer: Writer) -> tuple[list[str], list[str]]:
    """(what had been acknowledged when the power went, what a box then finds)."""
    acknowledged = list(writer.acknowledged)
    with card.after_a_cut() as found:
        with closing(open_store(found / "data", card.place / "run", "after")) as store:
            assert not list((found / "data").glob("*.broken*")), "a cut is no damage"
            assert store.db.value("pragma integrity_check") == "ok"
            rows = store.db.rows("select t.id from taps t join outbox o on o.op_id = t.op_id")
        return acknowledged, [row[0] for row in rows]


@pytest.mark.timeout(120 + CUTS)
def test_a_power_cut_takes_nothing_that_was_acknowledged(faults: FaultTable) -> None:
    rolled = dice("power cuts")
    with card_with_power() as card, writing(card) as writer:
        for _ in range(CUTS):
            writer.tap(MANY, cut_after=rolled.randrange(MANY))
            acknowledged, found = cut(card, writer)
            faults.note("power cut", acknowledged=acknowledged, found=found)


def test_what_the_player_has_written_down_outlasts_a_cut(tmp_path: Path) -> None:
    """Or what it notes would be as far behind again as the kernel keeps what nobody waits for."""
    layers = [{"song_id": "rain", "strip": 0}]
    with card_with_power() as card:
        data = card.folder / "data"
        with closing(open_store(data, tmp_path / "run", "player")) as store:
            scene_id = store.scenes.record(layers, taps_seen=0, cause={})
            store.scenes.note_play("rain", audible_s=10.0)
            store.scenes.write_down()
            bookmark = Bookmark(data)
            for strip in range(3):
                state = {"scene_id": scene_id, "boot_s": 1.0, "strips": [strip]}
                bookmark.lay(state, layers, boot_id=store.clock.boot_id, now_s=1.0)
            with card.after_a_cut() as found, closing(open_store(found / "data", tmp_path / "next", "after")) as after:
                latest = after.scenes.latest()
                assert latest is not None and latest.id == scene_id
                assert list(after.library.hours_since_play(0.0)) == ["rain"]
                assert Bookmark(found / "data").read()["strips"] == [2]


@pytest.mark.timeout(300)
def test_the_rig_sees_the_loss_where_nobody_waits_for_the_card() -> None:
    rolled, losses = dice("power cuts of the control"), 0
    with card_with_power() as card, writing(card, "--hasty") as writer:
        for _ in range(CONTROL_CUTS):
            writer.tap(MANY, cut_after=rolled.randrange(1, MANY))
            acknowledged, found = cut(card, writer)
            losses += not set(acknowledged) <= set(found)
    assert losses > CONTROL_CUTS // 2
