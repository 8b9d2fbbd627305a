from __future__ import annotations

from pathlib import Path

import pytest
from sync_fake_cloud import FakeCloud, song_id

from appliance.clock import ManualClock
from appliance.runtime import Runtime
from appliance.store import Store
from sync.heartbeat import FULL_EVERY_S, Heart, build_heartbeat

SCENE = song_id("a scene")


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(tmp_path / "run")


def playing(clock: ManualClock) -> dict[str, object]:
    return {
        "boot_s": clock.boot, "scene_id": SCENE, "audible": True, "silent_on_purpose": False, "here": 3,
        "why": ["Heron is back"], "scene": [{"song_id": song_id("rain"), "share": 0.75}], "underruns": 2,
        "strips": [None] * 16,
    }  # fmt: skip


def test_a_beat_carries_what_the_player_says(
    store: Store, fake: FakeCloud, runtime: Runtime, clock: ManualClock
) -> None:
    runtime.publish("player", playing(clock))
    store.scenes.begin_play(song_id("rain"), 10)
    Heart(fake.cloud(), runtime, clock).beat(store)
    beat = fake.beats[0]
    assert (beat["scene_id"], beat["audible"], beat["here"], beat["pending"]) == (SCENE, True, 3, 1)
    assert beat["scene"] == [{"song_id": song_id("rain"), "share": 0.75}]
    assert (beat["boot_id"], beat["mono_ms"], beat["underruns"]) == ("test-boot", 1_000_000, 2)


def test_a_player_that_has_gone_is_not_audible(store: Store, runtime: Runtime, clock: ManualClock) -> None:
    runtime.publish("player", playing(clock))
    clock.advance(6)
    beat = build_heartbeat(store, runtime, clock)
    assert (beat.audible, beat.scene_id, beat.scene) == (False, None, ())


def test_a_player_that_never_was_is_not_audible(store: Store, runtime: Runtime, clock: ManualClock) -> None:
    assert not build_heartbeat(store, runtime, clock).audible


def test_a_player_that_says_what_we_do_not_understand_still_beats(
    store: Store, runtime: Runtime, clock: ManualClock
) -> None:
    runtime.publish("player", playing(clock) | {"scene_id": "7", "scene": [{"song": 1}]})
    beat = build_heartbeat(store, runtime, clock)
    assert (beat.audible, beat.scene) == (True, ())


class Room:
    """A heart, a player that goes on saying the same until told otherwise, and how long each beat was."""

    def __init__(self, store: Store, fake: FakeCloud, runtime: Runtime, clock: ManualClock) -> None:
        self.heart = Heart(fake.cloud(), runtime, clock)
        self.store, self.fake, self.runtime, self.clock = store, fake, runtime, clock
        self.state = playing(clock)

    def beats(self, times: int, **changes: object) -> list[str]:
        self.state |= changes
        before = len(self.fake.beats)
        for _ in range(times):
            self.clock.advance(20)
            self.runtime.publish("player", self.state | {"boot_s": self.clock.boot})
            self.heart.beat(self.store)
        return ["bare" if "as_before" in beat else "full" for beat in self.fake.beats[before:]]


@pytest.fixture
def room(store: Store, fake: FakeCloud, runtime: Runtime, clock: ManualClock) -> Room:
    return Room(store, fake, runtime, clock)


def test_what_is_as_before_is_not_said_again(room: Room) -> None:
    assert room.beats(4) == ["full", "full", "bare", "bare"]
    assert room.beats(3, scene_id=song_id("another")) == ["full", "full", "bare"]
    assert room.beats(3, here=4) == ["full", "full", "bare"]
    assert room.beats(2, scene=[{"song_id": song_id("rain"), "share": 0.7}]) == ["bare", "bare"]
    room.store.scenes.begin_play(song_id("rain"), 10)
    assert room.beats(1, underruns=7) == ["bare"]
    assert (room.fake.beats[-1]["pending"], room.fake.beats[-1]["underruns"]) == (1, 7)


def test_now_and_then_all_is_said_again(room: Room) -> None:
    assert room.beats(round(FULL_EVERY_S / 20) + 2).count("full") == 3


def test_a_cloud_that_lost_what_we_said_is_told_again_at_once(room: Room) -> None:
    room.beats(3)
    room.fake.kept = "what a backup remembers"
    assert room.beats(2) == ["bare", "full", "bare"]


def test_a_cloud_that_keeps_nothing_hears_everything(room: Room) -> None:
    room.fake.keeps = False
    assert room.beats(4) == ["full"] * 4
