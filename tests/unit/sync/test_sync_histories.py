"""Any history of a box, a cloud and a bad network between them ends with every fact once and both sides equal."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from sqlite3 import Connection
from typing import Literal

import httpx
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from sync_fake_cloud import FakeCloud, song_id, song_row

from appliance.clock import ManualClock
from appliance.errors import CosoundError
from appliance.model import Rule
from appliance.store import Store, open_store
from mixer.scene import SongId
from sync.pull import pull_once
from sync.push import push_once

NAMES = tuple(f"song {number}" for number in range(3))
Fate = Literal["fine", "request lost", "reply lost", "twice", "500", "portal"]
FATES: tuple[Fate, ...] = ("fine", "fine", "fine", "request lost", "reply lost", "twice", "500", "portal")


class Killed(BaseException):
    """The process ends here, as by SIGKILL."""


class BoxAndCloud(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = ManualClock()
        self.fake = FakeCloud(page=2)
        self.backup = self.fake.backup()
        self.acknowledged: set[str] = set()
        self.bad = 0
        self.fates: list[Fate] = []
        self.commits_left = -1
        self.store = self.open()

    def open(self) -> Store:
        store = open_store(Path(self.folder.name) / "data", Path(self.folder.name) / "run", "box", self.clock)
        plain_write = store.db.write

        @contextmanager
        def mortal_write(*, durable: bool = True) -> Iterator[Connection]:
            with plain_write(durable=durable) as conn:
                yield conn
                self.commits_left -= 1
                if self.commits_left == 0:
                    raise Killed

        store.db.write = mortal_write  # type: ignore[method-assign]
        return store

    def network(self, request: httpx.Request) -> httpx.Response | None:
        fate = self.fates.pop(0) if self.fates else "fine"
        if fate == "request lost":
            raise httpx.ConnectError("lost")
        if fate == "500":
            return httpx.Response(500)
        if fate == "portal":
            return httpx.Response(200, html="<title>Wi-Fi</title>")
        if fate in ("reply lost", "twice"):
            self.fake.answer(request)
        if fate == "reply lost":
            raise httpx.ReadTimeout("lost")
        return None

    def note_new_ops(self) -> None:
        """Whatever is in the outbox was acknowledged to somebody."""
        self.acknowledged |= {op.op_id for op in self.store.outbox.batch(10_000)}

    @rule(name=st.sampled_from(NAMES))
    def a_song_sounds(self, name: str) -> None:
        self.store.scenes.begin_play(song_id(name), 10.0)
        self.note_new_ops()

    @rule(name=st.sampled_from(NAMES), place=st.integers(1, 3))
    def staff_place_a_song(self, name: str, place: int) -> None:
        self.store.room.set_rule(Rule(SongId(song_id(name)), "place", place))
        self.note_new_ops()

    @rule()
    def a_fact_is_made_that_the_cloud_will_refuse(self) -> None:
        with self.store.db.write():
            self.store.outbox.append("play", {"play_id": "nonsense"})
        self.bad += 1

    @rule(name=st.sampled_from(NAMES), artist=st.sampled_from(["one", "two", None]))
    def the_cloud_writes_a_song(self, name: str, artist: str | None) -> None:
        self.fake.put("songs", song_id(name), song_row(name, artist=artist))

    @rule(name=st.sampled_from(NAMES))
    def the_cloud_removes_a_song(self, name: str) -> None:
        self.fake.put("songs", song_id(name), None)

    @rule()
    def the_cloud_is_backed_up(self) -> None:
        self.backup = self.fake.backup()

    @rule()
    def the_cloud_is_restored_from_its_backup(self) -> None:
        """What it took since is gone, without a tombstone."""
        self.fake.restore(self.backup)

    @rule()
    def the_cloud_prunes_its_tombstones(self) -> None:
        self.fake.pruned_rev = self.fake.rev
        self.fake.log = {key: entry for key, entry in self.fake.log.items() if entry[1] is not None}

    @rule(fates=st.lists(st.sampled_from(FATES), max_size=6), commits=st.integers(-1, 6))
    def the_box_syncs(self, fates: list[Fate], commits: int) -> None:
        """commits: at which commit the process is killed, just before it; −1 and 0 never."""
        self.fates, self.commits_left = fates, commits
        cloud = self.fake.cloud(self.network)
        try:
            with suppress(CosoundError):
                push_once(self.store, cloud, self.clock)
            with suppress(CosoundError):
                pull_once(self.store, cloud)
        except Killed:
            self.store.close()
            self.store = self.open()
        self.fates, self.commits_left = [], -1

    @rule(seconds=st.floats(1, 1000))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def the_box_reboots(self) -> None:
        self.store.close()
        self.clock.boot_id += "'"
        self.clock.boot = 5.0
        self.store = self.open()

    def teardown(self) -> None:
        try:
            self.settle()
            self.check()
        finally:
            self.store.close()
            self.folder.cleanup()

    def settle(self) -> None:
        cloud = self.fake.cloud()
        for _ in range(3):
            push_once(self.store, cloud, self.clock)
            pull_once(self.store, cloud)
            self.clock.advance(3600)

    def check(self) -> None:
        arrived = [op["op_id"] for op in self.fake.facts]
        assert len(arrived) == len(set(arrived))
        assert set(arrived) >= self.acknowledged - {row["op_id"] for row in self.store.outbox.dead_letters()}
        assert self.store.outbox.pending() == 0
        assert len(self.store.outbox.dead_letters()) == self.bad
        there = {row["id"]: row["artist"] for (tbl, _), row in self.fake.rows().items() if tbl == "songs"}
        assert {song.id: song.artist for song in self.store.library.songs()} == there
        placed = {row["song_id"]: row["place"] for (tbl, _), row in self.fake.rows().items() if tbl == "queue_rules"}
        assert {str(placing.song_id): placing.place for placing in self.store.room.rules()} == placed
        assert f"{self.store.bucket.cursor().digest:016x}" == self.fake.digest()


BoxAndCloud.TestCase.settings = settings(
    max_examples=int(os.environ.get("COSOUND_HISTORIES", "40")),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestHistories = BoxAndCloud.TestCase
