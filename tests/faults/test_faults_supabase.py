"""A box and nothing but Supabase, all real processes: what is done here gets there once, whatever the cable does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from appliance.model import Rule
from appliance.store import Store, open_store
from mixer.scene import SongId
from sync.digest import digest_text
from tests.factories import tap
from tests.faults.fault_table import TIMES, FaultTable
from tests.faults.real_box import RealBox, real_box
from tests.faults.real_project import RealProject, real_project
from tests.faults.sick_line import Mood, SickLine

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def project() -> Iterator[RealProject]:
    with TemporaryDirectory(prefix="cosound-p-") as folder, real_project(Path(folder)) as made:
        yield made


@pytest.mark.timeout(180 + 60 * TIMES)
def test_a_box_lives_on_supabase_alone(project: RealProject, faults: FaultTable) -> None:
    line = SickLine(project.env["SUPABASE_URL"])
    env = {**project.box_env, "SUPABASE_URL": line.url}
    with TemporaryDirectory(prefix="cosound-f-") as folder, real_box(Path(folder), **env) as box:
        project.refresh()
        box.start("sync", "player", "nfc")
        box.until(lambda: box.link == "up", "the link")
        box.until(box.sounding, "a sound that was fetched, decoded and played")
        acknowledged = a_visit(box, project, card=1)
        a_change_from_there(box, project)
        line.become("refused")
        box.until(lambda: box.link == "down", "the end of the link")
        acknowledged += [op_of(box, box.tap_and_see(card)) for card in (2, 3, 4)]
        acknowledged += [rule_by_staff(box)]
        assert not set(acknowledged) <= set(project.ops())
        line.become("well")
        recovery_s = box.until(lambda: box.link == "up", "the link again")
        box.until(lambda: set(acknowledged) <= set(project.ops()), "the facts")
        box.until(lambda: both_hold_the_same(box, project), "one bucket on both sides")
        found = [op for op in project.ops() if op in acknowledged]
        faults.note("supabase alone: cable", acknowledged=acknowledged, found=found, recovery_s=recovery_s)
        assert sorted(found) == sorted(acknowledged)
        doubled = "select user_id from sessions group by user_id, checked_in_at having count(*) > 1"
        assert project.read(doubled) == []
        assert box.log("sync").count("link to the cloud is down") == 1 + box.log("sync").count("not asked yet")
        assert box.log("sync").count("link to the cloud is back") == 1
    line.close()


@pytest.mark.timeout(180 + 60 * TIMES)
def test_what_goes_astray_on_the_way_is_not_counted_twice(project: RealProject, faults: FaultTable) -> None:
    line = SickLine(project.env["SUPABASE_URL"])
    env = {**project.box_env, "SUPABASE_URL": line.url}
    moods: tuple[Mood, ...] = ("drop", "duplicate", "reorder", "truncate")
    with TemporaryDirectory(prefix="cosound-f-") as folder, real_box(Path(folder), **env) as box:
        box.start("sync")
        box.until(lambda: box.link == "up", "the link")
        for number, mood in enumerate(moods * TIMES):
            line.become(mood)
            acknowledged = [tap_here(box, f"{box.folder.name}{number}{card}") for card in range(3)]
            if mood == "truncate":  # nothing comes through whole: wait until it was tried, then let it
                box.until(lambda: set(acknowledged) <= set(project.ops()), "facts whose answers are torn")  # noqa: B023
            line.become("well")
            box.until(lambda: set(acknowledged) <= set(project.ops()), f"the facts ({mood})")  # noqa: B023
            found = [op for op in project.ops() if op in acknowledged]
            faults.note(f"supabase alone: {mood}", acknowledged=acknowledged, found=found)
        box.until(lambda: both_hold_the_same(box, project), "one bucket on both sides")
        assert project.read("select user_id from sessions group by user_id, checked_in_at having count(*) > 1") == []
    line.close()


def tap_here(box: RealBox, card: str) -> str:
    """A tap by another process of the box; its op's id."""
    with hand(box) as store:
        return op_of(box, tap(store, card).tap_id)


def a_visit(box: RealBox, project: RealProject, card: int) -> list[str]:
    """A newcomer taps and votes; the taste that the database learnt from it comes back."""
    tap = box.tap_and_see(card)
    with hand(box) as store:
        (listener,) = box.read(f"select profile_id from taps where id = '{tap}'")
        song = store.scenes.latest().layers[0]["song_id"]  # type: ignore[union-attr]
        store.people.record_vote(listener[0], song, 5, [1.0, 0.0, 0.0, 0.0, 0.0], shares=[(song, 1.0)])
        vote = store.db.value("select op_id from votes order by rowid desc limit 1")
        ops = [op_of(box, tap), str(vote)]
        box.until(lambda: set(ops) <= set(project.ops()), "the visit in the database")
        box.until(lambda: (p := store.people.listener(listener[0])) and p.taste_rev > 0, "the taste")
    (there,) = project.read(f"select taste_rev from profiles where id = '{listener[0]}'")
    assert there["taste_rev"] == 1
    return ops


def a_change_from_there(box: RealBox, project: RealProject) -> None:
    """What a person writes in the table editor reaches the box: a rule, and the queue that follows from it."""
    (song,) = project.read("select id from songs where type = 'soundscape' order by title desc limit 1")
    project.read(f"insert into queue_rules values ('{project.room}', '{song['id']}', 'pin')")
    project.refresh()
    with hand(box) as store:
        box.until(lambda: first_of(store) == str(song["id"]), "the new queue")
        box.until(lambda: [str(rule.song_id) for rule in store.room.rules()] == [str(song["id"])], "the rule")


def rule_by_staff(box: RealBox) -> str:
    with hand(box) as store:
        store.room.set_rule(Rule(SongId(first_of(store)), "ban"))
        return str(store.db.value("select op_id from outbox where type = 'rule' order by seq desc limit 1"))


def first_of(store: Store) -> str:
    entries = store.room.queue().entries
    return str(entries[0].song_id) if entries else ""


def both_hold_the_same(box: RealBox, project: RealProject) -> bool:
    with hand(box) as store:
        held = store.bucket.cursor()
    (there,) = project.read(f"select rev, digest from players where id = '{project.room}'")
    return (held.rev, digest_text(held.digest)) == (there["rev"], there["digest"])


def op_of(box: RealBox, tap: str) -> str:
    (row,) = box.read(f"select op_id from taps where id = '{tap}'")
    return str(row[0])


def hand(box: RealBox) -> closing[Store]:
    """Another process of the box."""
    return closing(open_store(box.data, box.folder / "run", "hand"))
