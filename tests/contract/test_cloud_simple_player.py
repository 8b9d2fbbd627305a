"""Players without a database of their own: the library, the settings and plays as plain answers."""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
from cloud_world import FIRE, RAIN, SEA, Box, World

from cloud_stub.repositories import players, plays, songs


def library(world: World, box: Box, **params: Any) -> Any:
    return world.client.get("/api/player/library", headers=box.headers, params=params).json()


def test_the_library_is_what_the_room_may_play_and_its_links_work(world: World) -> None:
    rain, sea = world.song("Rain", RAIN, data=b"rain's bytes"), world.song("Sea", SEA)
    world.song("Fire", FIRE)
    box = world.box()
    assert {song["title"] for song in library(world, box)["songs"]} == {"Rain", "Sea", "Fire"}
    world.write(songs.set_library, box.player_id, [rain, sea], world.time.s)
    answer = library(world, box)
    assert (answer["success"], answer["next"]) == (True, None)
    assert [song["id"] for song in answer["songs"]] == sorted([rain, sea])
    (told,) = [song for song in answer["songs"] if song["id"] == rain]
    assert told["sha256"] == sha256(b"rain's bytes").hexdigest()
    assert told["byte_size"] == len(b"rain's bytes")
    assert world.client.get(told["file_url"]).content == b"rain's bytes"
    assert box.token not in str(answer)


def test_a_large_library_comes_page_by_page(world: World) -> None:
    ids = sorted(world.song(str(number), RAIN) for number in range(5))
    box, got, after = world.box(), [], ""
    while True:
        page = library(world, box, limit=2, after=after)
        got += [song["id"] for song in page["songs"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert got == ids


def test_the_settings_are_what_staff_set(world: World) -> None:
    box, other = world.box(), world.box("Bar")
    world.write(players.set_setting, box.player_id, "queue.soundscapes", 3, world.time.s)
    for asks, wanted in ((box, 3), (other, None)):
        answer = world.client.get("/api/player/settings", headers=asks.headers).json()
        assert answer["success"] is True
        assert answer["settings"].get("queue.soundscapes") == wanted


def tell(world: World, box: Box, **body: Any) -> int:
    return world.client.post("/api/player/plays", headers=box.headers, json=body).status_code


def test_a_play_is_there_once_however_often_it_is_told(world: World) -> None:
    rain, box, play_id = world.song("Rain", RAIN), world.box(), str(uuid4())
    assert tell(world, box, play_id=play_id, song_id=rain, ago_s=60) == 200
    world.time.advance(120)
    assert tell(world, box, play_id=play_id, song_id=rain, seconds=180) == 200
    (play,) = world.read(plays.listed, box.player_id, 10)
    assert (play["id"], play["seconds"]) == (play_id, 180)
    assert play["played_at"].startswith("2027-01-15T07:59:00")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"song_id": str(uuid4())}, 404),
        ({"ago_s": -1}, 422),
        ({"seconds": 1e9}, 422),
        ({"play_id": "mine"}, 422),
    ],
)
def test_a_play_that_cannot_be_is_refused(world: World, body: dict[str, Any], status: int) -> None:
    rain, box = world.song("Rain", RAIN), world.box()
    assert tell(world, box, **{"play_id": str(uuid4()), "song_id": rain, **body}) == status
    assert world.read(plays.listed, box.player_id, 10) == []


def test_another_rooms_play_cannot_be_ended(world: World) -> None:
    rain, box, other, play_id = world.song("Rain", RAIN), world.box(), world.box("Bar"), str(uuid4())
    assert tell(world, box, play_id=play_id, song_id=rain) == 200
    assert tell(world, other, play_id=play_id, song_id=rain, seconds=5) == 404
    (play,) = world.read(plays.listed, box.player_id, 10)
    assert play["seconds"] is None
    assert world.read(plays.listed, other.player_id, 10) == []
