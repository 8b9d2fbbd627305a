"""A card is shown; the room's sound moves towards whoever showed it."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from appliance.demo import narrator
from mixer.offline_engine import OfflineEngine
from mixer.scene import SAMPLE_RATE
from ml.taste import Taste, learn
from tests.factories import FIRE, RAIN, SEA, Box, op_types, put_songs, song_row, uid
from tests.tones import level_db, sine_song

if TYPE_CHECKING:
    from conftest import MakeRoom, Room

FOND_OF_FIRE = reduce(lambda taste, vote: learn(taste, *vote), [(FIRE, 5), (RAIN, 2)] * 3, Taste.newcomer()).to_dict()
HERON, STRANGER, PHONE = "04a1b2c3d4e5f6", "04ffeeddccbbaa", "08123456"


@pytest.fixture
def room(make_room: MakeRoom) -> Room:
    room = make_room()
    put_songs(
        room.sync,
        song_row(1, embedding=RAIN, title="Rain"),
        song_row(2, embedding=FIRE, title="Fire"),
        song_row(3, embedding=SEA, title="Sea"),
    )
    room.know(HERON, "Heron", FIRE, taste_state=FOND_OF_FIRE)
    room.pass_time(1)
    return room


def told(room: Room) -> list[str | None]:
    return [narrator.tell(scene) for scene in room.screen.scenes.since(0)]


def test_a_returning_listener_is_heard_at_the_next_step(room: Room) -> None:
    before = room.levels()
    room.tap(HERON)
    room.player.step()
    assert room.levels()["Fire"] > before["Fire"] + 1
    assert room.levels()["Rain"] < before["Rain"] - 1
    assert room.box.runtime.read("player")["here"] == 1
    latest = room.screen.scenes.latest()
    assert latest is not None
    assert latest.taps_seen == room.screen.people.newest_tap_seq() == 1
    assert str(told(room)[-1]).startswith("Heron is back → 1 here → Fire up")
    assert op_types(room.sync) == ["checkin"]


def test_goodbye_gives_the_room_back_to_the_house(room: Room) -> None:
    house = room.levels()
    room.tap(HERON)
    room.pass_time(25)
    room.tap(HERON)
    room.pass_time(1)
    assert room.levels() == pytest.approx(house, abs=0.5)
    assert str(told(room)[-1]).startswith("Heron leaves → nobody here")
    assert [op for op in op_types(room.sync) if not op.startswith("play")] == ["checkin", "checkout"]


def test_a_stay_that_runs_out_gives_it_back_too(room: Room) -> None:
    house = room.levels()
    room.tap(HERON)
    room.pass_time(3600, every_s=60)
    assert room.box.runtime.read("player")["here"] == 0
    assert room.levels() == pytest.approx(house, abs=0.5)


def test_a_newcomer_is_named_and_counted_and_moves_nothing_yet(room: Room) -> None:
    before = room.levels()
    room.tap(STRANGER)
    room.player.step()
    assert room.levels() == before
    assert room.box.runtime.read("player")["here"] == 1
    assert op_types(room.sync) == ["enrol", "checkin"]
    assert room.box.runtime.read("reader")["last"]["outcome"] == "in"


def test_a_phones_random_number_is_nobody(room: Room) -> None:
    before = room.levels()
    room.tap(PHONE, random_uid=True)
    room.player.step()
    assert room.levels() == before
    assert (room.screen.people.here(), op_types(room.sync)) == (0, [])


# The same with the real engine: what comes out of the box


def test_what_is_rendered_moves_towards_the_taste(make_room: MakeRoom, box: Box, tmp_path: Path) -> None:
    engine = OfflineEngine()
    room = make_room(engine, COSOUND_FADE_S="0.05")
    put_songs(room.sync, song_row(1, embedding=RAIN), song_row(2, embedding=FIRE), ready=False)
    room.sync.library.set_ready(uid(1), sine_song(tmp_path, 1, 440))
    room.sync.library.set_ready(uid(2), sine_song(tmp_path, 2, 1500))
    room.know(HERON, "Heron", FIRE, taste_state=FOND_OF_FIRE)

    def hear() -> dict[str, float]:
        room.player.step()
        engine.render(SAMPLE_RATE // 2)
        sound = engine.render(SAMPLE_RATE // 2)
        assert np.abs(sound).max() < 1
        return {"rain": level_db(sound, 440), "fire": level_db(sound, 1500)}

    before = hear()
    room.tap(HERON)
    after = hear()
    assert after["fire"] > before["fire"] + 1
    assert after["rain"] < before["rain"] - 1
    moved_db = (after["fire"] - after["rain"]) - (before["fire"] - before["rain"])
    assert moved_db > 3
    room.pass_time(25)
    room.tap(HERON)
    assert hear() == pytest.approx(before, abs=1.0)
