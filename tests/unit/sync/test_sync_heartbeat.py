from __future__ import annotations

from pathlib import Path

import pytest
from sync_fake_cloud import FakeCloud, song_id

from appliance.clock import ManualClock
from appliance.runtime import Runtime
from appliance.store import Store
from sync.heartbeat import build_heartbeat, heartbeat_once

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
    heartbeat_once(store, fake.cloud(), runtime, clock)
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
