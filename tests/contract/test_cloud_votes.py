"""Votes: who may give one, on what, and what it teaches."""

from __future__ import annotations

import doors
import pytest
from cloud_world import FIRE, RAIN, SEA, Box, Copy, Phone, World

from ml.taste import Taste, learn

pytestmark = doors.BOTH


def checked_in(world: World, box: Box) -> Phone:
    phone = world.phone()
    assert world.check_in(phone, box).status_code == 200
    return phone


def test_a_vote_moves_the_taste_by_the_rule_in_one_step(world: World, box: Box) -> None:
    rain, sea = world.song("Rain", RAIN), world.song("Sea", (0.2, 0.9, 0.0, 0.1, 0.0))
    phone = checked_in(world, box)
    box.hears((rain, 0.5), (sea, 0.5))
    taste = Taste.newcomer()
    for song_id, embedding, value in ((rain, RAIN, 5), (sea, (0.2, 0.9, 0.0, 0.1, 0.0), 4)):
        reply = phone.post("/api/votes", song_id=song_id, vote_value=value)
        taste = learn(taste, embedding, value)
        assert reply.status_code == 200
        assert reply.json()["preference_vector"] == list(taste.preference_vector)
    assert reply.json()["taste_rev"] == 2
    assert phone.me()["preference_vector"] == pytest.approx(taste.preference_vector)
    row = Copy(box)
    row.sync()
    (profile,) = row.table("profiles").values()
    for part, value in taste.to_dict().items():
        assert profile["taste_state"][part] == pytest.approx(value)  # pgvector keeps seven digits
    assert profile["taste_rev"] == 2


@pytest.mark.parametrize("value", ["0", "6", "4.5", '"5"', "true", "NaN", "null", "[5]", "1e400", "-1", "5.0"])
def test_what_is_no_vote_is_refused_in_one_line(world: World, box: Box, value: str) -> None:
    rain = world.song("Rain", RAIN)
    phone = checked_in(world, box)
    box.hears((rain, 1.0))
    reply = world.client.post(
        "/api/votes",
        headers={**phone.headers, "Content-Type": "application/json"},
        content=f'{{"song_id": "{rain}", "vote_value": {value}}}',
    )
    assert reply.status_code == 422
    assert "1" in reply.json()["message"]
    assert "\n" not in reply.json()["message"]
    assert phone.me()["taste_rev"] == 0


@pytest.mark.parametrize("body", ["", "{", "[]", "5", '{"vote_value": 5}', '{"song_id": "x", "vote_value": 5}'])
def test_a_body_that_cannot_be_read_is_refused(world: World, box: Box, body: str) -> None:
    phone = checked_in(world, box)
    headers = {**phone.headers, "Content-Type": "application/json"}
    reply = world.client.post("/api/votes", headers=headers, content=body)
    assert reply.status_code == 422
    assert reply.json()["message"]


def test_only_people_in_the_room_vote(world: World, box: Box) -> None:
    rain, other_box = world.song("Rain", RAIN), world.box("Bar")
    box.hears((rain, 1.0))
    outside = world.phone()
    assert outside.post("/api/votes", song_id=rain, vote_value=5).status_code == 403
    elsewhere = checked_in(world, other_box)
    assert elsewhere.post("/api/votes", player_id=box.player_id, vote_value=5).status_code == 403
    gone = checked_in(world, box)
    gone.post("/api/checkout")
    refused = gone.post("/api/votes", song_id=rain, vote_value=5)
    assert (refused.status_code, refused.json()["error"]) == (403, "not_here")


def test_a_song_that_did_not_sound_here_in_the_last_minute_is_not_playing(world: World, box: Box) -> None:
    rain, sea = world.song("Rain", RAIN), world.song("Sea", SEA)
    phone = checked_in(world, box)
    box.hears((rain, 1.0))
    world.time.advance(20)
    box.hears((sea, 1.0))
    refused = phone.post("/api/votes", song_id=world.song("Fire", FIRE), vote_value=5)
    assert refused.status_code == 409
    assert refused.json()["error"] == "not_playing"
    assert phone.post("/api/votes", song_id=rain, vote_value=5).status_code == 200
    for _ in range(3):
        world.time.advance(20)
        box.hears((sea, 1.0))
    assert phone.post("/api/votes", song_id=rain, vote_value=1).status_code == 409
    assert phone.post("/api/votes", song_id=sea, vote_value=1).status_code == 200


def test_what_sounds_in_another_room_is_not_playing_here(world: World, box: Box) -> None:
    rain, other = world.song("Rain", RAIN), world.box("Bar")
    phone = checked_in(world, box)
    box.hears(audible=False)
    other.hears((rain, 1.0))
    assert phone.post("/api/votes", song_id=rain, vote_value=5).status_code == 409
    assert phone.post("/api/votes", player_id=box.player_id, vote_value=5).status_code == 409


def test_the_mix_is_stored_on_the_loudest_layer_and_learnt_by_share(world: World, box: Box) -> None:
    rain, sea, piano = world.song("Rain", RAIN), world.song("Sea", SEA), world.song("Piano", kind="instrumental")
    phone = checked_in(world, box)
    box.hears((sea, 0.5), (rain, 0.3), (piano, 0.2))
    reply = phone.post("/api/votes", player_id=box.player_id, vote_value=5).json()
    assert reply["song_id"] == sea
    wanted = learn(Taste.newcomer(), (0.3, 0.5, 0.0, 0.0, 0.0), 5)
    assert reply["preference_vector"] == pytest.approx(list(wanted.preference_vector))
    (vote,) = world.staff().get(f"/api/admin/players/{box.player_id}/votes").json()
    assert (vote["song_id"], vote["vote_value"], vote["source"]) == (sea, 5, "phone")
    assert vote["scene_id"]


def test_the_newest_vote_on_a_play_counts(world: World, box: Box) -> None:
    rain, sea = world.song("Rain", RAIN), world.song("Sea", SEA)
    phone = checked_in(world, box)
    box.hears((rain, 0.6), (sea, 0.4))
    for song_id, value in ((rain, 1), (sea, 4), (rain, 5)):
        world.time.advance(1)
        last = phone.post("/api/votes", song_id=song_id, vote_value=value).json()
    once = learn(learn(Taste.newcomer(), SEA, 4), RAIN, 5)
    assert last["preference_vector"] == pytest.approx(list(once.preference_vector))
    assert last["taste_rev"] == 3
    stored = world.staff().get(f"/api/admin/players/{box.player_id}/votes").json()
    assert len(stored) == 3
    assert [vote["vote_value"] for vote in stored if vote["superseded_by"]] == [1]


def test_a_new_play_of_the_song_is_a_new_vote(world: World, box: Box) -> None:
    rain = world.song("Rain", RAIN)
    phone = checked_in(world, box)
    box.hears((rain, 1.0))
    phone.post("/api/votes", song_id=rain, vote_value=5)
    world.time.advance(60)
    box.hears((rain, 1.0))
    assert box.push(box.op("play", {"play_id": "00000000-0000-4000-8000-000000000001", "song_id": rain})) == ["applied"]
    world.time.advance(1)
    reply = phone.post("/api/votes", song_id=rain, vote_value=5).json()
    twice = learn(learn(Taste.newcomer(), RAIN, 5), RAIN, 5)
    assert reply["preference_vector"] == list(twice.preference_vector)
    assert phone.me()["votes"] == 2


def test_a_vote_renews_the_stay(world: World, box: Box) -> None:
    rain = world.song("Rain", RAIN)
    phone = checked_in(world, box)
    world.time.advance(1800)
    box.hears((rain, 1.0))
    phone.post("/api/votes", song_id=rain, vote_value=3)
    assert phone.me()["session"]["expires_at"] == world.time.s + 3600


@pytest.mark.parametrize("sounded", [True, False])
def test_a_vote_for_a_room_out_of_reach_is_held_until_its_box_decides(world: World, box: Box, sounded: bool) -> None:
    rain = world.song("Rain", RAIN)
    phone = checked_in(world, box)
    box.hears((rain, 1.0))
    world.time.advance(31)
    reply = phone.post("/api/votes", player_id=box.player_id, vote_value=5)
    assert (reply.status_code, reply.json()["status"]) == (202, "held")
    vote_id = reply.json()["vote_id"]
    assert phone.me()["taste_rev"] == 0
    copy = Copy(box)
    copy.sync()
    assert copy.table("held_votes") == {
        vote_id: {"vote_id": vote_id, "song_id": rain, "vote_time": world.time.s},
    }
    settle = box.op("settle", {"vote_id": vote_id, "sounded": sounded})
    assert box.push(settle) == ["applied"]
    assert box.push(settle) == ["applied"]
    assert box.push(box.op("settle", {"vote_id": vote_id, "sounded": sounded})) == ["rejected:unknown_vote"]
    copy.sync()
    assert copy.table("held_votes") == {}
    assert phone.me()["taste_rev"] == int(sounded)


def test_a_song_vote_for_a_room_that_never_spoke_is_held_and_an_unknown_song_refused(world: World, box: Box) -> None:
    rain = world.song("Rain", RAIN)
    phone = checked_in(world, box)
    assert phone.post("/api/votes", song_id=rain, vote_value=5).status_code == 202
    unknown = phone.post("/api/votes", song_id="00000000-0000-4000-8000-000000000009", vote_value=5)
    assert (unknown.status_code, unknown.json()["error"]) == (404, "unknown_song")
    assert phone.post("/api/votes", player_id=box.player_id, vote_value=5).status_code == 409


def test_another_rooms_box_cannot_settle_a_vote(world: World, box: Box) -> None:
    rain, other = world.song("Rain", RAIN), world.box("Bar")
    phone = checked_in(world, box)
    vote_id = phone.post("/api/votes", song_id=rain, vote_value=5).json()["vote_id"]
    assert other.push(other.op("settle", {"vote_id": vote_id, "sounded": True})) == ["rejected:unknown_vote"]
    assert phone.me()["taste_rev"] == 0
