"""From process start to first sound, what it weighs, and from a tap to the changing mix."""

from __future__ import annotations

import time
from hashlib import sha256
from pathlib import Path
from statistics import median

from appliance.demo.watch import tap_to_scene_ms
from appliance.tapline import send_tap
from benchmarks.box import Box, box_with_songs
from benchmarks.neighbours import NEIGHBOURS, is_here, seconds_to_playing
from benchmarks.processes import p95, running, until
from benchmarks.row import Row, missing
from ml.taste import Taste, learn

FIRST_SOUND_GOAL_S = 0.5
RSS_GOAL_MB = 70.0
TAP_GOAL_MS = 150.0


def rows(*, quick: bool) -> list[Row]:
    """Our player and, where they are installed, MPD and Mopidy, one after the other, several times over."""
    rounds = 2 if quick else 5
    with box_with_songs() as box:
        ours = [_player_start(box) for _ in range(rounds)]
        taps = _tap_to_scene(box, 6 if quick else 20)
    first_sound_s = median(start for start, _ in ours)
    return [
        Row("start.player.first_sound_s", "player process to first sound, cloud gone", first_sound_s, "s",
            goal=FIRST_SOUND_GOAL_S, note=f"median of {rounds}; best {min(start for start, _ in ours):.2f} s"),
        Row("start.player.rss_mb", "player's resident memory, 7 layers", median(rss for _, rss in ours), "MB",
            goal=RSS_GOAL_MB),
        *(_reference(name, first_sound_s, rounds) for name in NEIGHBOURS),
        Row("start.tap.scene_p95_ms", "tap to changing mix, returning listeners", p95(taps), "ms", goal=TAP_GOAL_MS,
            note=f"{len(taps)} taps; one slab of 85 ms is counted in"),
    ]  # fmt: skip


def _player_start(box: Box) -> tuple[float, float]:
    """(seconds to first sound, resident MB after three seconds)."""
    (box.runtime_dir / "player.json").unlink(missing_ok=True)
    began_s = time.monotonic()
    with running(box, "player") as process:
        until(lambda: bool(box.runtime.read("player").get("audible")))
        first_sound_s = time.monotonic() - began_s
        time.sleep(3)
        return first_sound_s, _rss_mb(process.pid)


def _tap_to_scene(box: Box, count: int) -> list[int]:
    """Real processes: reader, store, player; each listener comes back with a strong taste of their own."""
    store = box.store("bench")
    with running(box, "player"), running(box, "nfc"):
        until(lambda: (box.runtime_dir / "tap").exists() and bool(box.runtime.read("player").get("audible")))
        for index in range(count):
            uid = b"\x04" + sha256(f"bench{index}".encode()).digest()[:6]
            _known_listener(box, uid, index)
            time.sleep(0.4)
        took_ms = tap_to_scene_ms(store)
    store.close()
    return took_ms


def _known_listener(box: Box, uid: bytes, index: int) -> None:
    """Give the card's owner a taste, as if they had been here before, then tap."""
    from checkin.tokens import key_hash

    loved = [0.0] * 5
    loved[index % 5] = 1.0
    taste = Taste.newcomer()
    for _ in range(8):
        taste = learn(taste, loved, 5)
    store = box.store("bench-listener")
    profile = {
        "id": f"00000000-0000-4000-8000-{index:012d}",
        "display_name": f"Guest {index}",
        "preference_vector": list(taste.preference_vector),
        "taste_state": taste.to_dict(),
        "taste_rev": 8,
    }
    tag = {"key_hash": key_hash(bytes(16), "nfca", uid), "key_version": 1, "profile_id": profile["id"]}
    from appliance.store.bucket import BucketChange

    changes = [
        BucketChange("profiles", str(profile["id"]), "put", profile),
        BucketChange("tags", str(tag["key_hash"]), "put", tag),
    ]
    store.bucket.apply(changes, epoch="bench", rev=2 + index)
    store.close()
    time.sleep(0.2)
    send_tap(box.runtime_dir, uid)


def _reference(name: str, ours_s: float, rounds: int) -> Row:
    row_id = f"start.ref.{name}"
    if not is_here(name):
        return missing(row_id, name, "s", f"not installed: apt-get install -y {name}")
    try:
        theirs_s = median(seconds_to_playing(name) for _ in range(rounds))
    except TimeoutError as error:
        return missing(row_id, name, "s", f"{name}: {error}")
    return Row(row_id, f"our start beside {name}'s", ours_s, "s", reference=theirs_s, note="it plays one stream")


def _rss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")
