"""Small makers of what tests are full of: songs, taps, rooms. Ids are UUIDs, as everywhere."""

from __future__ import annotations

import atexit
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from appliance.clock import ManualClock
from appliance.config import Config, load_config
from appliance.model import Song, TapRead, TapResult, Vector
from appliance.runtime import Runtime
from appliance.store import Store, open_store
from appliance.store.bucket import BucketChange
from appliance.store.database import PAGE_BYTES
from appliance.store.schema import MIGRATIONS
from checkin import rules
from mixer.scene import Kind, SongId

RAIN: Vector = (1.0, 0.0, 0.0, 0.0, 0.0)
SEA: Vector = (0.0, 1.0, 0.0, 0.0, 0.0)
FIRE: Vector = (0.0, 0.0, 0.0, 0.0, 1.0)


def uid(number: int) -> str:
    """The same UUID for the same number, rising with it."""
    return str(UUID(int=number))


def song_row(number: int, kind: Kind = "soundscape", embedding: Vector | None = RAIN, **columns: Any) -> dict[str, Any]:
    """A song as the cloud's bucket brings it."""
    row = {"id": uid(number), "title": f"Song {number}", "type": kind, "file_url": "", "duration": 180.0}
    row |= {
        "embedding": list(embedding) if embedding else None,
        "embedding_source": "model" if embedding else "neutral",
    }
    return row | {"sha256": f"{number:064x}", "byte_size": 1000 + number} | columns


def put(tbl: str, pk: str, row: dict[str, Any], digest: int = 1) -> BucketChange:
    return BucketChange(tbl, pk, "put", row, digest)


def put_songs(store: Store, *rows: dict[str, Any], ready: bool = True) -> None:
    """Songs come from the cloud and, when `ready`, have a cache file in place."""
    cursor = store.bucket.cursor()
    store.bucket.apply([put("songs", row["id"], row) for row in rows], epoch="e", rev=cursor.rev + 1)
    if ready:
        with store.db.write(durable=False):
            for row in rows:
                store.library.set_ready(row["id"], Path(f"/pcm/{row['id']}.pcm"))


def profile_row(profile_id: str, name: str = "Heron", vector: Vector = RAIN, rev: int = 1) -> dict[str, Any]:
    return {"id": profile_id, "display_name": name, "preference_vector": list(vector), "taste_rev": rev}


def song(number: int, kind: Kind = "soundscape", embedding: Vector = RAIN, **fields: Any) -> Song:
    return Song(SongId(uid(number)), f"Song {number}", kind, embedding, pcm_path=f"/pcm/{number}.pcm", **fields)


@cache
def empty_database() -> Path:
    """A box's database as it is at first. A copy of it is there in a fifth of the time that its migrations take."""
    folder = Path(tempfile.mkdtemp(prefix="cosound-t-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    open_store(folder / "data", folder / "run", "maker", ManualClock()).close()
    return folder / "data" / "cosound.db"


def file_before(migration: str, path: Path) -> Path:
    """A box's empty database as the version before that migration left it, at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [name for name, _ in MIGRATIONS]
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute(f"pragma page_size={PAGE_BYTES}")
        conn.execute("create table migrations (name text primary key)")
        for name, script in MIGRATIONS[: names.index(migration)]:
            conn.executescript(script)
            conn.execute("insert into migrations values (?)", (name,))
    return path


@dataclass
class Box:
    """One box in one folder: a clock moved by hand, and as many processes' stores as a test opens."""

    folder: Path
    clock: ManualClock = field(default_factory=ManualClock)
    _open: list[Store] = field(default_factory=list)

    def store(self, name: str = "test", clock: ManualClock | None = None) -> Store:
        data = self.folder / "data"
        if not data.exists():
            data.mkdir(parents=True)
            shutil.copy(empty_database(), data)
        self._open.append(open_store(data, self.folder / "run", name, clock or self.clock))
        return self._open[-1]

    @property
    def runtime(self) -> Runtime:
        return Runtime(self.folder / "run")

    def config(self, **env: str) -> Config:
        places = {"COSOUND_DATA_DIR": str(self.folder / "data"), "COSOUND_RUNTIME_DIR": str(self.folder / "run")}
        return load_config({**places, **env}, self.folder / "cosound.toml")

    def reboot(self) -> ManualClock:
        """The box is switched off for a minute: boot time begins anew."""
        self.clock = ManualClock(boot=5.0, wall=self.clock.wall + 60, boot_id=f"boot-{uuid4().hex[:6]}")
        return self.clock

    def close(self) -> None:
        for store in self._open:
            store.close()


def tap(store: Store, card: str | None = "card", tap_id: str | None = None, **options: Any) -> TapResult:
    """A card is shown, now; None is a phone's random number."""
    now = store.clock
    read = TapRead(
        tap_id or str(uuid4()), card and f"{card:-<64}", 1, round(now.boot_s() * 1000), round(now.wall_s() * 1000)
    )
    return store.people.record_tap(read, rules, **options)


def op_types(store: Store) -> list[str]:
    return [op.type for op in store.outbox.batch(100)]


def count(store: Store, table: str) -> int:
    return store.db.count(f"select count(*) from {table}")


def settle_all(store: Store) -> None:
    """The cloud takes everything that is pending."""
    store.outbox.settle([(op.op_id, "applied") for op in store.outbox.batch(1000)])


def layers(*song_ids: str, gain_db: float = -6.0) -> Sequence[dict[str, Any]]:
    """Layers for the scene log."""
    return [{"song_id": song_id, "gain_db": gain_db, "muted": False} for song_id in song_ids]
