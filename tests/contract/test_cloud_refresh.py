"""The refresh: the queue follows the people, by itself and soon."""

from __future__ import annotations

import pytest
from cloud_world import FIRE, RAIN, SEA, Box, World

from cloud_stub import refresh
from cloud_stub.repositories import players, queue, sessions, songs
from tests.patience import PATIENCE_S


def loving(world: World, box: Box, song_id: str) -> None:
    phone = world.phone()
    world.check_in(phone, box)
    box.hears((song_id, 1.0))
    assert phone.post("/api/votes", song_id=song_id, vote_value=5).status_code == 200


def first_title(box: Box) -> str:
    title: str = box.queue().json()["songs"][0]["title"]
    return title


def test_what_happens_in_a_room_wakes_its_box_with_a_new_queue(world: World) -> None:
    """A check-in, a vote, a rule and a new song each rank the room again within a moment."""
    world.song("Rain", RAIN)
    fire = world.song("Fire", FIRE)
    box, phone = world.box(), world.phone()
    world.refresh()
    world.write(players.set_setting, box.player_id, "house_taste", [1, 0, 0, 0, 0.8], world.time.s)
    world.refresh()
    assert first_title(box) == "Rain"
    world.check_in(phone, box)
    box.hears((fire, 1.0))
    world.refresh()
    etag = box.queue().headers["etag"]
    headers = {**box.headers, "If-None-Match": etag}
    waiting = world.client.later("GET", "/api/player/queue", headers=headers, params={"wait": "25"})
    world.until_waiting(1)
    phone.post("/api/votes", song_id=fire, vote_value=5)
    reply = waiting.result(PATIENCE_S)
    assert (reply.status_code, reply.json()["songs"][0]["title"]) == (200, "Fire")


def test_the_same_ranking_is_not_written_again(world: World) -> None:
    world.song("Rain", RAIN)
    box = world.box()
    world.refresh()
    etag = box.queue().headers["etag"]
    world.time.advance(30)
    world.refresh()
    assert box.queue().headers["etag"] == etag
    shown = world.staff().get(f"/api/admin/players/{box.player_id}").json()
    assert (shown["queue_rev"], shown["queue_ranked_at"]) == (1, world.time.s)


def test_each_room_hears_its_own_people(world: World) -> None:
    rain, sea = world.song("Rain", RAIN), world.song("Sea", SEA)
    lobby, bar = world.box("Lobby"), world.box("Bar")
    loving(world, lobby, rain)
    loving(world, bar, sea)
    world.refresh()
    assert (first_title(lobby), first_title(bar)) == ("Rain", "Sea")


def revisions(world: World, boxes: list[Box]) -> list[int]:
    known = world.read(players.versions)
    return [known[box.player_id][1] for box in boxes]


def test_rooms_that_are_ranked_together_keep_apart(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some share all songs, some have a library of their own; only a queue that changed has a new revision."""
    monkeypatch.setattr(refresh, "TOGETHER", 2)
    rain, sea, fire = world.song("Rain", RAIN), world.song("Sea", SEA), world.song("Fire", FIRE)
    boxes = [world.box(f"Room {n}") for n in range(5)]
    for box, own in ((boxes[1], [rain]), (boxes[4], [fire, rain])):
        world.write(songs.set_library, box.player_id, own, world.time.s)
    world.write(players.set_setting, boxes[3].player_id, "house_taste", [1, 0, 0, 0, 0], world.time.s)
    boxes[4].push(boxes[4].op("rule", {"song_id": fire, "kind": "pin"}))
    world.refresh()
    assert [first_title(box) for box in boxes] == ["Sea", "Rain", "Sea", "Rain", "Fire"]
    before = revisions(world, boxes)
    world.refresh()
    assert revisions(world, boxes) == before
    for box in (boxes[0], boxes[3]):
        box.push(box.op("rule", {"song_id": sea, "kind": "ban"}))
    world.refresh()
    after = revisions(world, boxes)
    assert [now > then for now, then in zip(after, before, strict=True)] == [True, False, False, True, False]
    assert world.read(queue.song_ids, boxes[2].player_id)[0] == sea


def test_a_stay_that_is_over_no_longer_counts_and_is_marked(world: World) -> None:
    rain = world.song("Rain", RAIN)
    world.song("Sea", SEA)
    box = world.box()
    loving(world, box, rain)
    world.time.advance(3601)
    assert world.client.get(f"/api/rooms/{box.player_id}").json()["here"] == 0
    world.refresh()
    (stay,) = world.read(sessions.listed, box.player_id, 10)
    assert stay["status"] == "inactive"
    assert first_title(box) == "Sea", "the house likes the sea better"


def test_what_played_lately_waits_its_turn(world: World) -> None:
    first = world.song("A", RAIN)
    world.song("B", (1.0, 0.05, 0.0, 0.0, 0.0))
    box = world.box()
    world.write(players.set_setting, box.player_id, "house_taste", [1, 0, 0, 0, 0], world.time.s)
    world.refresh()
    assert first_title(box) == "A"
    box.push(box.op("play", {"play_id": "00000000-0000-4000-8000-000000000001", "song_id": first}))
    world.refresh()
    assert first_title(box) == "B"


def test_staff_rules_shape_the_queue(world: World) -> None:
    ids = [world.song(title, RAIN) for title in ("A", "B", "C")]
    box = world.box()
    box.push(box.op("rule", {"song_id": ids[2], "kind": "pin"}), box.op("rule", {"song_id": ids[0], "kind": "ban"}))
    world.refresh()
    assert world.read(queue.song_ids, box.player_id) == [ids[2], ids[1]]


def test_the_queue_is_as_long_as_the_room_says(world: World) -> None:
    for i in range(14):
        world.song(f"Bed {i}", RAIN)
    for i in range(6):
        world.song(f"Tune {i}", kind="instrumental")
    box = world.box()
    world.refresh()
    kinds = [song["type"] for song in box.queue().json()["songs"]]
    assert (kinds.count("soundscape"), kinds.count("instrumental")) == (12, 4)
    world.write(players.set_setting, box.player_id, "queue.soundscapes", 3, world.time.s)
    world.refresh()
    assert len(box.queue().json()["songs"]) == 7


def test_a_room_that_cannot_be_ranked_does_not_stop_the_others(world: World, caplog: pytest.LogCaptureFixture) -> None:
    bad, good = world.song("Bad", RAIN), world.song("Good", SEA)
    broken, sound = world.box("Broken"), world.box("Sound")
    for box, song_id in ((broken, bad), (sound, good)):
        world.write(songs.set_library, box.player_id, [song_id], world.time.s)
    world.write(lambda tx: tx.run("insert into settings values (?, 'house_taste', 'no JSON')", broken.player_id))
    world.refresh()
    assert first_title(sound) == "Good"
    assert broken.queue().json()["songs"] == []
    assert broken.player_id in caplog.text
