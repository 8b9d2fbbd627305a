"""What a day costs the card: the box's own store and player, on a clock moved by hand, on a disk that counts."""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch
from uuid import UUID

from appliance.clock import ManualClock
from appliance.config import load_config
from appliance.model import TapRead
from appliance.player import Player
from appliance.runtime import Runtime
from appliance.store import Store, open_store
from appliance.store.bucket import BucketChange
from appliance.store.database import LOG_BYTES
from appliance.voting import vote_on_mix
from benchmarks.disk import Disk, counted_disk
from benchmarks.row import Row
from checkin import rules
from ml.catalogue import Catalogue
from ml.recommend import queue_for_room
from ml.taste import Taste, learn
from tests.fakes import FakeEngine

BEDS, TUNES, GUESTS = 16, 8, 120
SYSCTL = Path(__file__).parents[1] / "systemd/sysctl.d/cosound.conf"
QUEUE_S = 30.0
_BUSY = "500 check-ins, 2,000 votes, such instrumentals"
WARM_UP_H = 0.9  # what the player notes it writes down the more seldom, the longer it has run


@dataclass(frozen=True, slots=True)
class Traffic:
    """What people do in a day; half of the votes come by phone, through the cloud. `tune_s`: of each instrumental."""

    check_ins: int = 0
    votes: int = 0
    tune_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Kernel:
    """How many seconds what nobody waits for stays in memory: the file system's own notes, and pages."""

    commit_s: int
    expire_s: int


AS_IT_COMES = Kernel(commit_s=5, expire_s=30)  # of a mainline kernel, and of Raspberry Pi OS
COMMIT_S = 600  # `commit=` in docs/installer.md
NOBODY, TUNES_ONLY, BUSY = Traffic(), Traffic(tune_s=50.0), Traffic(500, 2000, 50.0)


def rows(*, quick: bool) -> list[Row]:
    hours, installed = 0.25 if quick else 2.0, as_installed()
    return [
        _row("box.wear.idle_mb_day", "nobody there, beds playing", NOBODY, hours, installed, goal=20.0),
        _row("box.wear.tunes_mb_day", "nobody there, an instrumental every 44 s", TUNES_ONLY, hours, installed, 20.0),
        _row("box.wear.busy_mb_day", _BUSY, BUSY, hours, installed, goal=100.0),
        _row("box.wear.busy_as_it_comes_mb_day", f"{_BUSY}, kernel untouched", BUSY, hours, AS_IT_COMES),
    ]


def as_installed(sysctl: Path = SYSCTL) -> Kernel:
    """By the settings that go onto a box, see systemd/README.md."""
    lines = [line.partition("=") for line in sysctl.read_text().splitlines()]
    settings = {name.strip(): value.strip() for name, _, value in lines}
    return Kernel(COMMIT_S, int(settings["vm.dirty_expire_centisecs"]) // 100)


def _row(row_id: str, name: str, traffic: Traffic, hours: float, kernel: Kernel, goal: float | None = None) -> Row:
    with TemporaryDirectory(prefix="cosound-wear-") as folder, counted_disk(Path(folder)) as disk:
        day = Day(disk, Path(folder) / "run", traffic, kernel)
        day.live(WARM_UP_H)
        before = disk.written([os.getpid()])
        day.live(hours)
        written = disk.written([os.getpid()]) - before
        day.close()
    note = f"{hours:g} h of a moved clock, journal every {kernel.commit_s} s, pages {kernel.expire_s} s; {disk.how}"
    return Row(row_id, f"written to the box's disk: {name}", written / 1e6 * 24 / hours, "MB/day", goal=goal, note=note)


@dataclass
class Day:
    """A box with a past, its player, a reader, a screen, and a cloud that answers at once."""

    disk: Disk
    run: Path
    traffic: Traffic
    kernel: Kernel
    clock: ManualClock = field(default_factory=ManualClock)
    dice: random.Random = field(default_factory=lambda: random.Random(4))

    def __post_init__(self) -> None:
        data = self.disk.folder / "data"
        env = {"COSOUND_DATA_DIR": str(data), "COSOUND_RUNTIME_DIR": str(self.run)}
        config = load_config(env, self.run / "none.toml")
        self.screen, self.sync, self.reader = (self._store(data, name) for name in ("ui", "sync", "nfc"))
        _stock(self.sync, self.traffic)
        _grow_log(self.sync)
        engine = FakeEngine(self.clock.boot_s)
        self.player = Player(self._store(data, "player"), engine, Runtime(self.run), config)
        with patch("gc.freeze"), patch("gc.set_threshold"):
            self.player.start()
        self._taste = dict.fromkeys(range(GUESTS), Taste.newcomer())

    def live(self, hours: float) -> None:
        """Every second a look, and by the dice a tap or a vote."""
        with patch("appliance.player.TICK_S", 0.0):
            for second in range(round(hours * 3600)):
                self._people_act()
                self.player.step()
                self._sync_acts(second)
                self.clock.advance(1.0)
                if second % self.kernel.commit_s == 0:
                    self.disk.commit_journal(self.disk.folder / "data")
                if second % self.kernel.expire_s == 0:
                    self.disk.write_back()

    def close(self) -> None:
        for store in (self.screen, self.sync, self.reader, self.player.store):
            store.close()

    def _store(self, data: Path, name: str) -> Store:
        return open_store(data, self.run, name, self.clock)

    def _happens(self, times_a_day: float) -> bool:
        return self.dice.random() < times_a_day / 86_400

    def _people_act(self) -> None:
        if self._happens(2 * self.traffic.check_ins):  # and they leave again
            now = (round(self.clock.boot * 1000), round(self.clock.wall * 1000))
            card = self.dice.randrange(GUESTS)
            self.reader.people.record_tap(TapRead(str(UUID(int=now[0])), f"{card:064x}", 1, *now), rules)
        if self._happens(self.traffic.votes):
            self._vote()

    def _vote(self) -> None:
        people = self.screen.people.present()
        if not people:
            return
        who, value = self.dice.choice(people).listener, self.dice.randint(1, 5)
        if self.dice.random() < 0.5:
            shares = [(song["song_id"], song["share"]) for song in self.player.runtime.read("player")["scene"]]
            vote_on_mix(self.screen, who.id, value, shares)
        self._learnt(str(who.id), value)

    def _learnt(self, profile_id: str, value: int) -> None:
        """The cloud has learnt from it, and the pull brings the row."""
        number = UUID(profile_id).int & 0xFFFF
        embedding = [self.dice.random() for _ in range(5)]
        self._taste[number] = learn(self._taste.get(number, Taste.newcomer()), embedding, value)
        rev = self.sync.bucket.cursor().rev + 1
        self._settle()
        self.sync.bucket.apply([_profile(number, self._taste[number], rev)], epoch="wear", rev=rev)

    def _sync_acts(self, second: int) -> None:
        self._settle()
        if second % QUEUE_S == QUEUE_S // 2 - 3:  # amid two of the kernel's writings, as mostly
            songs = list(self.sync.library.ready())
            catalogue = Catalogue.from_rows([(song.id, song.kind, song.embedding) for song in songs])
            hours = {str(song): h for song, h in self.sync.library.hours_since_play(self.clock.wall_s()).items()}
            ranked = queue_for_room(catalogue, [0.5, 0.6, 0.1, 0.4, 0.4], hours_since_play=hours)
            self.sync.room.replace_queue([song.song_id for song in ranked], rev=str(second))

    def _settle(self) -> None:
        """The cloud takes all that is pending."""
        if ops := self.sync.outbox.batch(500):
            self.sync.outbox.settle([(op.op_id, "applied") for op in ops], at_s=self.clock.wall_s())


def _stock(store: Store, traffic: Traffic) -> None:
    kinds = ["soundscape"] * BEDS + ["instrumental"] * (TUNES if traffic.tune_s else 0)
    changes = [BucketChange("songs", _id(1, number), "put", _song(number, kind, traffic.tune_s))
               for number, kind in enumerate(kinds)]  # fmt: skip
    for number in range(GUESTS):
        changes.append(_profile(number, Taste.newcomer(), 1))
        tag = {"key_hash": f"{number:064x}", "key_version": 1, "profile_id": _id(2, number)}
        changes.append(BucketChange("tags", f"{number:064x}", "put", tag))
    store.bucket.apply(changes, epoch="wear", rev=1)
    for number in range(len(kinds)):
        store.library.set_ready(_id(1, number), Path(f"/pcm/{number}.pcm"))


def _song(number: int, kind: str, tune_s: float) -> dict[str, object]:
    embedding = [0.05] * 5
    embedding[number % 5] = 1.0
    return {"id": _id(1, number), "title": f"A song of the number {number}", "type": kind, "file_url": "",
            "embedding": embedding, "embedding_source": "hand", "duration": tune_s or 180.0,
            "sha256": f"{number:064x}", "byte_size": 1}  # fmt: skip


def _profile(number: int, taste: Taste, rev: int) -> BucketChange:
    row = {"id": _id(2, number), "display_name": f"Guest {number}", "taste_rev": rev,
           "preference_vector": list(taste.preference_vector), "taste_state": taste.to_dict()}  # fmt: skip
    return BucketChange("profiles", row["id"], "put", row)


def _grow_log(store: Store) -> None:
    """A box that has run for an hour: its log is written over, not longer."""
    log = store.db.path.with_name(f"{store.db.path.name}-wal")
    while log.stat().st_size < LOG_BYTES:
        with store.db.write(durable=False) as conn:
            conn.execute(
                "insert or replace into settings values ('wear', ?)", (json.dumps("x" * random.randrange(2000, 3000)),)
            )
    store.db.conn.execute("pragma wal_checkpoint(restart)").fetchall()


def _id(kind: int, number: int) -> str:
    return str(UUID(int=(kind << 64) + number))
