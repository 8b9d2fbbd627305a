"""Any history of two boxes, their cloud and a bad network ends with every fact once and all sides equal.

The boxes' store, push and pull and the cloud's facts, bucket and pages are the real ones; the clocks are moved by hand.
A history that fails is printed as a program.
"""

from __future__ import annotations

import atexit
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from sqlite3 import Connection
from typing import Literal
from uuid import UUID

import httpx
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from appliance.clock import ManualClock
from appliance.errors import CosoundError, InputError
from appliance.model import Rule
from appliance.store import Store, open_store
from appliance.store.identity import Identity
from mixer.scene import SongId
from sync.facts import RuleBody
from sync.pull import pull_once
from sync.push import push_once
from tests.factories import RAIN, empty_database, tap
from tests.true_cloud import BEGAN_S, ROOMS, TrueCloud, make_template

TEN_YEARS_S = 10 * 365 * 86_400.0
MEMORY = Path("/dev/shm")  # these histories are not about disks
Fate = Literal["fine", "request lost", "reply lost", "reply torn", "twice", "late", "500", "portal"]
FATES: tuple[Fate, ...] = (
    "fine", "fine", "fine", "request lost", "reply lost", "reply torn", "twice", "late", "500", "portal",
)  # fmt: skip
BOXES = st.integers(0, len(ROOMS) - 1)
CARDS = st.sampled_from(["a" * 32, "b" * 32, "c" * 32])
PICK = st.integers(0, 5)


class Killed(BaseException):
    """The process ends here, as by SIGKILL."""


@cache
def new_clouds_database() -> Path:
    folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    make_template(folder / "cloud.db")
    return folder / "cloud.db"


@dataclass
class Box:
    """One room's box: its store, a clock that may be wrong, and the network before it."""

    number: int
    folder: Path
    cloud: TrueCloud
    clock: ManualClock = field(default_factory=lambda: ManualClock(wall=BEGAN_S))
    acknowledged: set[str] = field(default_factory=set)
    bad: int = 0
    fates: list[Fate] = field(default_factory=list)
    strays: list[httpx.Request] = field(default_factory=list)
    commits_left: int = -1

    def __post_init__(self) -> None:
        (self.folder / "data").mkdir(parents=True)
        shutil.copy(empty_database(), self.folder / "data")
        self.open()

    def open(self) -> None:
        self.store: Store = open_store(self.folder / "data", self.folder / "run", "box", self.clock)
        self.identity = Identity(self.store.db, self.clock, self.store.outbox)
        plain_write = self.store.db.write

        @contextmanager
        def mortal_write(*, durable: bool = True) -> Iterator[Connection]:
            with plain_write(durable=durable) as conn:
                yield conn
                self.commits_left -= 1
                if self.commits_left == 0:
                    raise Killed

        self.store.db.write = mortal_write  # type: ignore[method-assign]

    def sync(self, fates: list[Fate], commits: int) -> None:
        self.fates, self.commits_left = fates, commits
        line = self.cloud.client(self.number, self.network)
        try:
            with suppress(CosoundError):
                push_once(self.store, line, self.clock)
            with suppress(CosoundError):
                pull_once(self.store, line)
        except Killed:
            self.store.close()
            self.open()
        self.fates, self.commits_left = [], -1

    def network(self, request: httpx.Request) -> httpx.Response | None:
        fate = self.fates.pop(0) if self.fates else "fine"
        if fate == "late":
            self.strays.append(request)
        if fate in ("request lost", "late"):
            raise httpx.ConnectError("lost")
        if fate == "500":
            return httpx.Response(500)
        if fate == "portal":
            return httpx.Response(200, html="<title>Wi-Fi</title>")
        if fate == "fine":
            return None
        answer = self.cloud.answer(self.number, request)
        if fate == "reply lost":
            raise httpx.ReadTimeout("lost")
        if fate == "reply torn":
            return httpx.Response(answer.status_code, content=answer.content[: len(answer.content) // 2])
        return None

    def note(self) -> None:
        """Whatever is in the outbox was acknowledged to somebody."""
        self.acknowledged |= {op.op_id for op in self.store.outbox.batch(10_000)}

    def refused(self) -> set[str]:
        return {row["op_id"] for row in self.store.outbox.dead_letters()}

    def songs(self) -> list[str]:
        return sorted(str(song.id) for song in self.store.library.songs())

    def people(self) -> list[str]:
        return sorted(row[0] for row in self.store.db.rows("select id from profiles"))


class BoxesAndCloud(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(os, "urandom", random.Random(0).randbytes)  # uuid4's: a history is the same each time
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.clock = ManualClock(wall=BEGAN_S)  # the cloud's
        self.cloud = self.new_cloud(Path(self.folder.name))
        self.boxes = [Box(number, Path(self.folder.name) / f"box{number}", self.cloud) for number in range(len(ROOMS))]
        for number in range(3):
            self.cloud.add_song(number)
        self.cloud.back_up()
        for box in self.boxes:
            box.sync([], -1)

    def new_cloud(self, folder: Path) -> TrueCloud:
        return TrueCloud(folder, new_clouds_database(), self.clock, page=3)

    def song(self, box: Box, pick: int) -> str | None:
        songs = box.songs()
        return songs[pick % len(songs)] if songs else None

    @rule(number=BOXES, card=CARDS)
    def somebody_taps(self, number: int, card: str) -> None:
        tap(self.boxes[number].store, card)
        self.boxes[number].note()

    @rule(number=BOXES, pick=PICK, value=st.integers(1, 5))
    def somebody_votes(self, number: int, pick: int, value: int) -> None:
        box = self.boxes[number]
        song, present = self.song(box, pick), box.store.people.present()
        if song and present:
            person = present[pick % len(present)].listener.id
            box.store.people.record_vote(person, song, value, RAIN, shares=[(song, 1.0)])
            box.note()

    @rule(number=BOXES, pick=PICK)
    def a_song_sounds(self, number: int, pick: int) -> None:
        box = self.boxes[number]
        if song := self.song(box, pick):
            box.store.scenes.begin_play(song, 10.0)
            box.note()

    @rule(number=BOXES, one=PICK, other=PICK)
    def two_cards_turn_out_to_be_one_person(self, number: int, one: int, other: int) -> None:
        box = self.boxes[number]
        if people := box.people():
            with suppress(InputError):  # they are one already
                box.identity.merge(people[one % len(people)], people[other % len(people)])
            box.note()

    @rule(number=BOXES, pick=PICK, place=st.integers(1, 3), lasts_s=st.sampled_from([None, 100.0, -1.0]))
    def staff_place_a_song(self, number: int, pick: int, place: int, lasts_s: float | None) -> None:
        box = self.boxes[number]
        if song := self.song(box, pick):
            until_s = None if lasts_s is None else box.clock.wall + lasts_s
            box.store.room.set_rule(Rule(SongId(song), "place", place, until_s))
            box.note()

    @rule(number=BOXES, pick=PICK, place=st.integers(4, 6), lift=st.booleans())
    def staff_place_a_song_from_afar(self, number: int, pick: int, place: int, lift: bool) -> None:
        songs = sorted(str(row[0]) for row in self.cloud.read("select id from songs"))
        until_s = self.clock.wall - 1 if lift else None
        body = RuleBody(song_id=UUID(songs[pick % len(songs)]), kind="place", place=place, until_s=until_s)
        self.cloud.set_rule(number, body)

    @rule(number=BOXES)
    def a_fact_is_made_that_the_cloud_will_refuse(self, number: int) -> None:
        box = self.boxes[number]
        with box.store.db.write():
            box.store.outbox.append("play", {"play_id": "nonsense"})
        box.note()

    @rule(pick=PICK)
    def the_cloud_gets_a_song(self, pick: int) -> None:
        self.cloud.add_song(pick)

    @rule(pick=PICK)
    def the_cloud_removes_a_song(self, pick: int) -> None:
        from cloud_stub.repositories import songs

        there = sorted(str(row[0]) for row in self.cloud.read("select id from songs where deleted_at is null"))
        if there:
            self.cloud.write(songs.remove, there[pick % len(there)], self.clock.wall)

    @rule()
    def the_cloud_is_backed_up(self) -> None:
        self.cloud.back_up()

    @rule()
    def the_cloud_is_restored_from_its_backup(self) -> None:
        self.cloud.restore()

    @rule()
    def the_cloud_ends_what_has_passed(self) -> None:
        self.cloud.refresh()

    @rule()
    def the_cloud_prunes_its_tombstones(self) -> None:
        self.cloud.prune()

    @rule(number=BOXES, fates=st.lists(st.sampled_from(FATES), max_size=6), commits=st.integers(-1, 6))
    def a_box_syncs(self, number: int, fates: list[Fate], commits: int) -> None:
        """commits: at which commit the process is killed, just before it; −1 and 0 never."""
        self.boxes[number].sync(list(fates), commits)

    @precondition(lambda self: any(box.strays for box in self.boxes))
    @rule(pick=PICK)
    def what_was_lost_on_the_way_arrives_late(self, pick: int) -> None:
        box = next(box for box in self.boxes if box.strays)
        self.cloud.answer(box.number, box.strays.pop(pick % len(box.strays)))

    @rule(seconds=st.floats(1, 1000))
    def time_passes(self, seconds: float) -> None:
        for clock in (self.clock, *(box.clock for box in self.boxes)):
            clock.advance(seconds)

    @rule(number=BOXES, jump_s=st.sampled_from([-TEN_YEARS_S, TEN_YEARS_S, 0.0]))
    def a_wall_clock_is_set(self, number: int, jump_s: float) -> None:
        self.boxes[number].clock.set_wall(self.clock.wall + jump_s)

    @rule(number=BOXES)
    def a_box_reboots(self, number: int) -> None:
        box = self.boxes[number]
        box.store.close()
        box.clock.boot_id += "'"
        box.clock.boot = 5.0
        box.open()

    def teardown(self) -> None:
        try:
            self.settle()
            for box in self.boxes:
                self.check(box)
        finally:
            for box in self.boxes:
                box.store.close()
            self.cloud.close()
            self.folder.cleanup()
            self.patch.undo()

    def settle(self) -> None:
        for _ in range(3):
            self.cloud.refresh()
            for box in self.boxes:
                line = self.cloud.client(box.number)
                push_once(box.store, line, box.clock)
                pull_once(box.store, line)
                box.clock.advance(3600)  # a box that found a difference asks for all again only after a while
            self.clock.advance(3600)

    def check(self, box: Box) -> None:
        answered = {str(row[0]): str(row[1]) for row in self.cloud.read("select op_id, status from op_seen")}
        assert box.acknowledged <= answered.keys() | box.refused(), "nothing acknowledged is lost"
        assert box.store.outbox.pending() == 0
        for table, kind in (("songs_playing", "play"), ("votes", "vote")):
            stored = sorted(str(row[0]) for row in self.cloud.read(f"select op_id from {table}"))
            known = "select op_id from op_seen where type = ? and status in ('applied', 'superseded')"
            assert stored == sorted(str(row[0]) for row in self.cloud.read(known, kind)), "each counts once"
        self.check_rows(box)

    def check_rows(self, box: Box) -> None:
        """The box holds what the cloud says it should."""
        bucket = self.cloud.bucket(box.number)
        assert f"{box.store.bucket.cursor().digest:016x}" == self.cloud.digest(box.number)
        assert box.songs() == sorted(pk for tbl, pk in bucket if tbl == "songs")
        placed = {row["song_id"]: row["place"] for (tbl, _), row in bucket.items() if tbl == "queue_rules"}
        assert {str(placing.song_id): placing.place for placing in box.store.room.rules()} == placed
        owners = {row["key_hash"]: row["profile_id"] for (tbl, _), row in bucket.items() if tbl == "tags"}
        mine = {row["key_hash"]: row["profile_id"] for row in box.store.db.rows("select * from tags")}
        assert mine == owners
        known = {pk: row["taste_rev"] for (tbl, pk), row in bucket.items() if tbl == "profiles"}
        listeners = {row["id"]: row["taste_rev"] for row in box.store.db.rows("select * from profiles")}
        assert {pk: listeners.get(pk) for pk in known} == known
