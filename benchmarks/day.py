"""A virtual day of eight hours: the real director, a library of sixty songs, people who come and go."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from appliance.clock import ManualClock
from appliance.config import load_config
from appliance.director import Director
from appliance.model import TapRead
from appliance.store import Store, open_store
from appliance.store.bucket import BucketChange
from benchmarks.row import Row
from checkin import rules
from ml.taste import Taste, learn

LOOK_S = 10.0
BEDS, INSTRUMENTALS = 48, 12
PEOPLE = 80
MOST = 0.15
LEAST_HEARD = {8.0: 0.75, 24.0: 0.9}


def rows(*, quick: bool) -> list[Row]:
    return [*day_rows(8.0), *([] if quick else day_rows(24.0, "mixer.day24"))]


def day_rows(hours: float, row_id: str = "mixer.day") -> list[Row]:
    """How much of the library is heard, and the largest part of all layer-time that one song takes."""
    with TemporaryDirectory(prefix="cosound-day-") as folder:
        heard = _live(Path(folder), hours)
    top = max(heard.values()) / sum(heard.values())
    note = f"{hours:g} h, {BEDS} beds and {INSTRUMENTALS} instrumentals, {PEOPLE} people's comings and goings"
    return [
        Row(f"{row_id}.heard", "share of the library that was heard", len(heard) / (BEDS + INSTRUMENTALS), "",
            goal=LEAST_HEARD.get(hours), better="more", note=note),
        Row(f"{row_id}.top_song", "share of layer-time of the song heard most", top, "", goal=MOST, note=note),
    ]  # fmt: skip


def _live(folder: Path, hours: float) -> Counter[str]:
    clock, dice = ManualClock(), random.Random(8)
    store = open_store(folder / "data", folder / "run", "day", clock)
    _stock(store, dice)
    places = {"COSOUND_DATA_DIR": str(folder / "data"), "COSOUND_RUNTIME_DIR": str(folder / "run")}
    director, heard = Director(store, load_config(places, folder / "none.toml")), Counter[str]()
    comings = sorted(dice.uniform(0, hours * 3600) for _ in range(PEOPLE))
    for step in range(round(hours * 3600 / LOOK_S)):
        while comings and comings[0] <= step * LOOK_S:
            comings.pop(0)
            _tap(store, dice.randrange(PEOPLE))
        scene = director.look().scene
        heard.update(str(layer.song_id) for layer in scene.layers)
        clock.advance(LOOK_S)
    store.close()
    return heard


def _stock(store: Store, dice: random.Random) -> None:
    """Songs with a clear character each, and people who have voted before."""
    changes = []
    for number in range(BEDS + INSTRUMENTALS):
        embedding = [dice.uniform(0, 0.3) for _ in range(5)]
        embedding[number % 5] = 1.0
        row = {"id": _id(1, number), "title": f"Song {number}", "file_url": "", "embedding": embedding,
               "type": "soundscape" if number < BEDS else "instrumental", "embedding_source": "model",
               "duration": 180.0, "sha256": f"{number:064x}", "byte_size": 1}  # fmt: skip
        changes.append(BucketChange("songs", _id(1, number), "put", row))
    for number in range(PEOPLE):
        loved, taste = [0.0] * 5, Taste.newcomer()
        loved[dice.randrange(5)] = 1.0
        for _ in range(6):
            taste = learn(taste, loved, 5)
        row = {"id": _id(2, number), "display_name": f"Guest {number}", "taste_rev": 6,
               "preference_vector": list(taste.preference_vector), "taste_state": taste.to_dict()}  # fmt: skip
        changes.append(BucketChange("profiles", _id(2, number), "put", row))
        tag = {"key_hash": f"{number:064x}", "key_version": 1, "profile_id": _id(2, number)}
        changes.append(BucketChange("tags", f"{number:064x}", "put", tag))
    store.bucket.apply(changes, epoch="day", rev=1)
    for number in range(BEDS + INSTRUMENTALS):
        store.library.set_ready(_id(1, number), Path(f"/pcm/{number}.pcm"))


def _tap(store: Store, person: int) -> None:
    clock = store.clock
    now = (round(clock.boot_s() * 1000), round(clock.wall_s() * 1000))
    store.people.record_tap(TapRead(str(UUID(int=now[0])), f"{person:064x}", 1, *now), rules)


def _id(kind: int, number: int) -> str:
    return str(UUID(int=(kind << 64) + number))
