"""The cloud is ill in every way a cloud can be: the box says so once, loses nothing, and is back at once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import pytest

from appliance.store import open_store
from appliance.ui.english import ENGLISH
from tests.factories import tap
from tests.faults.fault_table import TIMES, FaultTable
from tests.faults.names import NAME, Names
from tests.faults.real_box import RealBox, real_box
from tests.faults.real_cloud import RealCloud, doubled_stays, real_cloud, settled
from tests.faults.screen import screen_of
from tests.faults.sick_line import PATIENCE_S, Mood, SickLine, Straying

pytestmark = pytest.mark.processes

TAPS = 5
AT_ONCE_S = 2.0  # on a busy machine
BACK_WITHIN_S = 10.0  # two seconds are promised, between two tries; what the try itself takes is the machine's
MOODS: dict[Mood, str] = {
    "html": "captive portal",
    "403": "refuses this player's token",
    "redirect": "we are sent on to",
    "cut": "no connection",
    "truncate": "no connection",
    "refused": "no connection",
    "404": "is cloud.url right",
    "500": "500",
    "503": "503",
    "nothing": "no answer in time",
    "drip": "no answer in time",
    "head drips": "no answer in time",
}
# What a box notices only after a while (others are still being answered, it might be) has a box of its own.
SLOW: tuple[Mood, ...] = ("404", "500", "503", "nothing", "drip", "head drips")
QUICK: tuple[Mood, ...] = ("html", "403", "redirect", "cut", "truncate", "refused")
STRAYING: tuple[Mood, ...] = get_args(Straying)
LONGER = ("cloud: an old backup", "cloud: asks for patience")  # which take a new start, and what was asked for
Case = tuple[Mood, list[str], float]


@pytest.fixture(scope="module")
def cloud() -> Iterator[RealCloud]:
    with TemporaryDirectory(prefix="cosound-c-") as folder, real_cloud(Path(folder)) as made:
        yield made


@contextmanager
def box_behind(line: SickLine, cloud: RealCloud) -> Iterator[RealBox]:
    env = {"DJANGO_API_URL": line.url, "PLAYER_TOKEN": cloud.token}
    with TemporaryDirectory(prefix="cosound-f-") as folder, real_box(Path(folder), **env) as box:
        box.start("sync")
        box.until(lambda: box.link == "up", "the link")
        yield box
        settled(box, cloud)
    line.close()


@pytest.mark.timeout(180 + 60 * TIMES)
def test_an_ill_cloud_costs_nothing_but_time(cloud: RealCloud, faults: FaultTable) -> None:
    """One box for what is noticed at once and for what goes astray, one for each slow illness, all at the same time."""
    with ThreadPoolExecutor(len(SLOW) + 1) as pool:
        cases = [pool.submit(fall_ill_and_recover, cloud, [mood] * TIMES) for mood in SLOW]
        cases += [pool.submit(fall_ill_and_recover, cloud, [*STRAYING, *QUICK] * TIMES)]
    there = cloud.ops()
    for mood, acknowledged, recovery_s in (case for future in cases for case in future.result()):
        found = [op for op in there if op in acknowledged]
        faults.note(f"cloud: {mood}", acknowledged=acknowledged, found=found, recovery_s=recovery_s)
    assert doubled_stays(cloud.database) == 0


def fall_ill_and_recover(cloud: RealCloud, moods: Sequence[Mood]) -> list[Case]:
    """Each illness in turn: (which, what was acknowledged meanwhile, how long until the link was back)."""
    line = SickLine(cloud.url)
    with box_behind(line, cloud) as box:
        cases = [(go_astray if mood in STRAYING else away)(box, cloud, line, mood) for mood in moods]
        says = box.log("sync")
        downs = says.count("link to the cloud is down")
        assert downs == says.count("link to the cloud is back")
        assert downs <= 1 + len(moods)
    return cases


def away(box: RealBox, cloud: RealCloud, line: SickLine, mood: Mood) -> Case:
    line.become(mood)
    acknowledged = [tap_here(box) for _ in range(TAPS)]
    box.until(
        lambda: box.link == "down" and MOODS[mood] in box.link_why.lower(),
        f"the reason ({mood}), not {box.link_why}",
    )
    pending = box.read("select count(*) from outbox")[0][0]
    waiting = f"{ENGLISH.link_down} · {ENGLISH.waiting.format(count=pending)}"
    box.until(lambda: screen_of(box).staff == waiting, f"on the screen: {waiting}")
    line.become("well")
    recovery_s = box.until(lambda: box.link == "up", "the link again")
    box.until(lambda: set(acknowledged) <= set(cloud.ops()), "the facts")
    box.until(lambda: screen_of(box).staff == ENGLISH.link_up, f"on the screen: {ENGLISH.link_up}")
    return mood, acknowledged, recovery_s


def go_astray(box: RealBox, cloud: RealCloud, line: SickLine, mood: Mood) -> Case:
    """What is said comes late, twice, in the wrong order, or without an answer the first time; it comes in the end."""
    line.become(mood)
    acknowledged = []
    for _ in range(TAPS):
        acknowledged.append(tap_here(box))
        recovery_s = box.until(lambda: set(acknowledged) <= set(cloud.ops()), f"the facts ({mood})")
    line.become("well")
    box.until(lambda: box.link == "up", "the link again")
    return mood, acknowledged, recovery_s


def tap_here(box: RealBox) -> str:
    """A tap by another process of the box; its op's id."""
    store = open_store(box.data, box.folder / "run", "hand")
    with closing(store):
        number = store.db.count("select count(*) from taps")
        result = tap(store, f"card{box.folder.name}{number}")
        op = store.db.value("select op_id from taps where id = ?", result.tap_id)
    return str(op)


@pytest.mark.timeout(180 + 60 * TIMES)
def test_a_cloud_restored_from_an_old_backup_gets_back_what_it_took_since(cloud: RealCloud, faults: FaultTable) -> None:
    backup = cloud.data / "backup.db"
    with TemporaryDirectory(prefix="cosound-f-") as folder, real_box(Path(folder), **cloud.box_env) as box:
        box.start("sync")
        for _ in range(TIMES):
            before = [tap_here(box) for _ in range(2)]
            box.until(lambda: set(before) <= set(cloud.ops()), "the first facts")  # noqa: B023 - within the loop
            cloud.back_up(backup)
            since = [tap_here(box) for _ in range(3)]
            box.until(lambda: set(since) <= set(cloud.ops()), "the facts after the backup")  # noqa: B023 - as above
            cloud.restore(backup)
            late = [tap_here(box) for _ in range(2)]
            acknowledged = [*before, *since, *late]
            recovery_s = box.until(lambda: set(acknowledged) <= set(cloud.ops()), "all of them")  # noqa: B023 - as above
            found = [op for op in cloud.ops() if op in acknowledged]
            faults.note("cloud: an old backup", acknowledged=acknowledged, found=found, recovery_s=recovery_s)
            settled(box, cloud)
        assert "restored from a backup" in box.log("sync")
    assert doubled_stays(cloud.database) == 0


@pytest.mark.timeout(180 + 60 * TIMES)
def test_without_names_nothing_is_lost(cloud: RealCloud, faults: FaultTable) -> None:
    """Nobody knows the cloud's name any more. Connections that are open go on, so the line cuts those too."""
    line = SickLine(cloud.url)
    url = line.url.replace("127.0.0.1", NAME)
    with (
        TemporaryDirectory(prefix="cosound-f-") as folder,
        real_box(Path(folder), DJANGO_API_URL=url, PLAYER_TOKEN=cloud.token) as box,
    ):
        names = Names(Path(folder))
        box.inside = names.inside()
        box.start("sync")
        box.until(lambda: box.link == "up", "the link")
        for _ in range(TIMES):
            names.forget()
            line.become("well")
            acknowledged = [tap_here(box) for _ in range(TAPS)]
            box.until(lambda: box.link == "down" and "no connection" in box.link_why.lower(), "the end of the link")
            names.know()
            recovery_s = box.until(lambda: box.link == "up", "the link again")
            box.until(lambda: set(acknowledged) <= set(cloud.ops()), "the facts")  # noqa: B023 - within the loop
            found = [op for op in cloud.ops() if op in acknowledged]
            faults.note("cloud: no names", acknowledged=acknowledged, found=found, recovery_s=recovery_s)
        settled(box, cloud)
    line.close()


@pytest.mark.timeout(180 + 60 * TIMES)
def test_patience_that_one_is_asked_for_is_kept_by_all(cloud: RealCloud, faults: FaultTable) -> None:
    """Those that ask at the same moment are each told; then nobody asks until the time is over."""
    line = SickLine(cloud.url)
    with box_behind(line, cloud) as box:
        for _ in range(TIMES):
            line.put_off_s.clear()
            line.become("patience")
            box.until(lambda: line.put_off_s, "the first question")
            box.until(lambda: box.runtime.read("sync").get("patience_s", 0) > 0, "a word in the status")
            acknowledged = [tap_here(box) for _ in range(TAPS)]
            began_s = line.put_off_s[0]
            box.until(lambda: time.monotonic() > began_s + PATIENCE_S, "the end of its patience")  # noqa: B023 - here
            assert [at for at in line.put_off_s if AT_ONCE_S < at - began_s < PATIENCE_S] == []
            line.become("well")
            recovery_s = box.until(lambda: set(acknowledged) <= set(cloud.ops()), "the facts")  # noqa: B023 - as above
            found = [op for op in cloud.ops() if op in acknowledged]
            faults.note("cloud: asks for patience", acknowledged=acknowledged, found=found, recovery_s=recovery_s)


def test_it_was_quick(faults: FaultTable) -> None:
    """After the cases above: none took longer to come back than is promised."""
    slow = {
        name: row.recovery_s
        for name, row in faults.rows("cloud: ").items()
        if (row.recovery_s or 0) > BACK_WITHIN_S and name not in LONGER
    }
    assert not slow
