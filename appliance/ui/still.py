"""A room that stands still: a fixed store, frozen meters, a clock moved by hand. For pictures and browser tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from appliance.clock import ManualClock
from appliance.config import Config, load_config
from appliance.model import TapRead, TapResult
from appliance.runtime import Runtime
from appliance.store import Store, open_store
from appliance.store.bucket import BucketChange
from appliance.ui.feed import LOOK_AGAIN_S

PIN = "2468"
STAY_S = 3600.0
NAMES = ("Heron", "Robin", "Wren", "Kingfisher", "Plover", "Swift", "Lark", "Owl")

# title, kind, gain in dB, peak, share of what is heard, why
LAYERS: tuple[tuple[str, str, float, float, float, str], ...] = (
    ("Waves on a long beach", "soundscape", -2.0, 0.62, 0.45, "Heron and Robin both like water"),
    ("Slow piano in E", "instrumental", -4.5, 0.5, 0.35, "everyone here likes it a little"),
    ("Rain on the roof", "soundscape", -9.0, 0.3, 0.2, "new tonight, to learn what Wren likes"),
    ("Fire in the hearth", "soundscape", -12.0, 0.21, 0.0, "warmth for the evening"),
    ("Forest at dawn", "soundscape", -15.0, 0.15, 0.0, "birds for Lark"),
    ("Café murmur", "soundscape", -18.0, 0.11, 0.0, "a bed under the others"),
    ("Night crickets", "soundscape", -21.0, 0.08, 0.0, "a bed under the others"),
    ("Wind in pines", "soundscape", -6.0, 0.4, 0.0, "air for Robin"),
    ("Harbour bells, far away", "soundscape", -25.0, 0.05, 0.0, "once an hour"),
    ("Mountain stream", "soundscape", -10.0, 0.28, 0.0, "water for Heron"),
    ("Cello, one long breath", "instrumental", -7.0, 0.35, 0.0, "low and warm"),
    ("Old clock", "soundscape", -30.0, 0.03, 0.0, "a bed under the others"),
    ("Distant thunder", "soundscape", -14.0, 0.98, 0.0, "a bed under the others"),
    ("Train at night", "soundscape", -11.0, 0.25, 0.0, "a bed under the others"),
    ("Singing bowls", "instrumental", -16.0, 0.14, 0.0, "a bed under the others"),
    ("Summer meadow", "soundscape", -8.0, 0.33, 0.0, "a bed under the others"),
)


@dataclass(frozen=True, slots=True)
class Decision:
    outcome: Literal["in", "out", "stay"]
    expires_s: float


class StillRules:
    """Check-in as in the room, with names in a fixed order."""

    def decide(
        self,
        checked_in_s: float | None,
        expires_s: float | None,
        *,
        now_s: float,
        closing_s: float | None = None,
        may_leave: bool = True,
    ) -> Decision:
        return Decision("in", now_s + STAY_S) if checked_in_s is None else Decision("out", now_s)

    def friendly_name(self, profile_id: str, taken: frozenset[str] = frozenset()) -> str:
        return next((name for name in NAMES if name not in taken), profile_id)


class StillRoom:
    """The hands of the reader and the player, in a room where nothing else happens."""

    def __init__(self, folder: Path, language: str = "en") -> None:
        env = {
            "COSOUND_CONFIG": str(folder / "none.toml"),
            "COSOUND_DATA_DIR": str(folder / "data"),
            "COSOUND_RUNTIME_DIR": str(folder / "run"),
            "COSOUND_PIN": PIN,
            "DJANGO_API_URL": "https://cosound.example",
            "COSOUND_LANGUAGE": language,
        }
        self.config: Config = replace(load_config(env), ui_port=0)
        self.clock = ManualClock()
        self.runtime = Runtime(self.config.box_runtime_dir)
        self.store: Store = open_store(self.config.box_data_dir, self.config.box_runtime_dir, "still", self.clock)
        self._taps = 0
        self.runtime.publish("sync", {"link": "up", "pending": 0})
        self._add_songs()

    def close(self) -> None:
        self.store.close()

    def play(self, layers: int, why: str = "") -> None:
        """Publish what the player would: the first so many `LAYERS` sound, as loud as they always do."""
        strips = [_strip(number) for number in range(layers)]
        scene = [{"song_id": strip["song_id"], "share": strip["share"]} for strip in strips if strip["share"] > 0]
        self.runtime.publish(
            "player",
            {
                "boot_s": self.clock.boot_s(),
                "scene_id": None,
                "audible": bool(strips),
                "silent_on_purpose": False,
                "here": self.store.people.here(),
                "why": [why] if why else [],
                "scene": scene,
                "underruns": 0,
                "engine": {"engine": "still", "device": "none", "peak": 0.7 if strips else 0.0},
                "strips": [*strips, *([None] * (16 - layers))],
                "master": {"gain_db": 0.0, "mute": False, "hush": False},
            },
        )

    def tap(self, card: str) -> TapResult:
        """A card is held to the reader; an empty name is a phone."""
        self._taps += 1
        boot_ms, wall_ms = round(self.clock.boot_s() * 1000), round(self.clock.wall_s() * 1000)
        read = TapRead(f"tap-{self._taps}", card or None, 1, boot_ms, wall_ms)
        return self.store.people.record_tap(read, StillRules())

    def reader_is(self, state: str) -> None:
        """Publish what the reader process would of its one reader; it is believed for some seconds."""
        reader = {"where": "usb", "name": "usb", "state": state, "why": ""}
        self.runtime.publish("reader", {"boot_s": self.clock.boot_s(), "readers": [reader], "last": None})
        self.pass_time(2 * LOOK_AGAIN_S)

    def pass_time(self, seconds: float) -> None:
        """Let time pass; the player goes on playing what it played."""
        playing = self.runtime.read("player")
        self.runtime.publish("player", {**playing, "boot_s": self.clock.boot_s() + seconds})
        self.clock.advance(seconds)  # after the player's word: at no moment does it look as if it had stopped

    def queue(self, layers: int) -> None:
        """The cloud ranks: these so many `LAYERS` are best next."""
        self.store.room.replace_queue([song_id(number) for number in range(layers)], rev="still")

    def _add_songs(self) -> None:
        rows = [
            {"id": song_id(number), "title": layer[0], "type": layer[1], "embedding": [0.2] * 5,
             "file_url": "", "sha256": f"{number:064}", "byte_size": 1}
            for number, layer in enumerate(LAYERS)
        ]  # fmt: skip
        changes = [BucketChange("songs", str(row["id"]), "put", row) for row in rows]
        self.store.bucket.apply(changes, epoch="still", rev=1)
        for number in range(len(LAYERS)):
            self.store.library.set_ready(song_id(number), self.config.box_data_dir / f"{number}.pcm")


def song_id(number: int) -> str:
    return f"song-{number + 1:02d}"


def _strip(number: int) -> dict[str, Any]:
    title, kind, gain_db, peak, share, why = LAYERS[number]
    return {
        "song_id": song_id(number), "title": title, "kind": kind, "gain_db": gain_db, "peak": peak,
        "rms": peak / 2, "muted": False, "held": False, "why": why, "share": share,
    }  # fmt: skip


def cards(count: int) -> Sequence[str]:
    """Names of so many cards."""
    return [f"card-{number}" for number in range(1, count + 1)]
