"""The crowd of a room: its votes pooled, each once, and handed to its box."""

from __future__ import annotations

from typing import Any

import pytest
from cloud_world import FIRE, RAIN, SEA, Box, Copy, Phone, World, enrolled, vote

from cloud_stub.repositories import crowd, players
from ml.prior import Prior
from ml.taste import Taste, expected_liking


def guest(world: World, box: Box) -> Phone:
    phone = world.phone()
    world.check_in(phone, box)
    return phone


def crowd_of(world: World, box: Box) -> dict[str, Any]:
    kept = world.read(players.settings, box.player_id).get(crowd.KEY)
    assert kept is not None
    return dict(kept)


def same(kept: dict[str, Any], meant: Prior) -> bool:
    return (kept["votes"], kept["mean"], kept["precision"]) == (
        meant.votes,
        pytest.approx(meant.mean),
        pytest.approx(meant.precision),
    )


def test_votes_are_pooled_and_handed_to_the_box(world: World, box: Box) -> None:
    rain, sea = world.song("Rain", RAIN), world.song("Sea", SEA)
    box.hears((rain, 0.6), (sea, 0.4))
    guest(world, box).post("/api/votes", song_id=rain, vote_value=5)
    card = enrolled(box)
    assert box.push(box.op("vote", vote(card, sea, 2))) == ["applied"]
    assert same(crowd_of(world, box), Prior.default().with_vote(RAIN, 5).with_vote(SEA, 2))
    copy = Copy(box)
    copy.sync()
    assert same(copy.table("settings")[crowd.KEY]["value"], Prior.from_dict(crowd_of(world, box)))


def test_a_vote_that_was_replaced_counts_no_more(world: World, box: Box) -> None:
    rain = world.song("Rain", RAIN)
    box.hears((rain, 1.0))
    phone = guest(world, box)
    for value in (1, 4, 5):
        world.time.advance(1)
        phone.post("/api/votes", song_id=rain, vote_value=value)
    assert same(crowd_of(world, box), Prior.default().with_vote(RAIN, 5))


def test_a_vote_that_comes_late_and_a_repeated_one_change_nothing(world: World, box: Box) -> None:
    rain = world.song("Rain", RAIN)
    card = enrolled(box)
    newer = box.op("vote", vote(card, rain, 5))
    older = box.op("vote", vote(card, rain, 1), mono_ms=newer["mono_ms"] - 60_000)
    assert box.push(newer, older, newer) == ["applied", "superseded", "applied"]
    assert same(crowd_of(world, box), Prior.default().with_vote(RAIN, 5))


def test_each_room_has_its_own_crowd(world: World, box: Box) -> None:
    rain, other = world.song("Rain", RAIN), world.box("Bar")
    box.hears((rain, 1.0))
    guest(world, box).post("/api/votes", song_id=rain, vote_value=5)
    assert crowd.KEY not in world.read(players.settings, other.player_id)


@pytest.mark.parametrize("torn", [None, {"mean": [1.0]}, "text", {"mean": [0.0] * 6, "precision": [0.0] * 36}])
def test_a_torn_or_lost_crowd_is_pooled_again_from_the_votes_that_count(world: World, box: Box, torn: object) -> None:
    rain, fire = world.song("Rain", RAIN), world.song("Fire", FIRE)
    box.hears((rain, 0.5), (fire, 0.5))
    phone = guest(world, box)
    for value in (1, 5):
        world.time.advance(1)
        phone.post("/api/votes", song_id=rain, vote_value=value)
    world.write(players.set_setting, box.player_id, crowd.KEY, torn, world.time.s)
    world.refresh()
    assert box.queue().json()["songs"], "a room goes on without its crowd"
    world.time.advance(1)
    phone.post("/api/votes", song_id=fire, vote_value=2)
    assert same(crowd_of(world, box), Prior.default().with_vote(RAIN, 5).with_vote(FIRE, 2))


def test_one_person_who_votes_again_and_again_is_not_the_crowd(world: World, box: Box) -> None:
    rain, fire = world.song("Rain", RAIN), world.song("Fire", FIRE)
    fan = enrolled(box)
    for _ in range(150):
        world.time.advance(3601)
        box.push(box.op("vote", vote(fan, rain, 5)))
    others = [enrolled(box, f"{number:064d}") for number in range(30)]
    box.push(*(box.op("vote", vote(other, song, value)) for other in others for song, value in ((rain, 1), (fire, 5))))
    pooled = Prior.from_dict(crowd_of(world, box))
    rainy, fiery = expected_liking(Taste.newcomer(), [RAIN, FIRE], prior=pooled)
    assert fiery > rainy


def test_the_crowd_speaks_for_newcomers_in_the_queue(world: World, box: Box) -> None:
    """One fan of the sea among four who never voted, in a room that has always loved the fire."""
    fire, sea = world.song("Fire", FIRE), world.song("Sea", SEA)
    world.write(players.set_setting, box.player_id, "house_taste", [0, 1, 0, 0, 0.2], world.time.s)
    loved = Prior.default()
    for _ in range(60):
        loved = loved.with_vote(FIRE, 5).with_vote(SEA, 1)
    box.hears((sea, 1.0))
    fan = guest(world, box)
    fan.post("/api/votes", song_id=sea, vote_value=4)
    for _ in range(4):
        guest(world, box)
    world.refresh()
    assert box.queue().json()["songs"][0]["id"] == sea
    world.write(players.set_setting, box.player_id, crowd.KEY, loved.to_dict(), world.time.s)
    world.refresh()
    assert box.queue().json()["songs"][0]["id"] == fire


@pytest.mark.parametrize(
    ("min_group", "first"), [(1, "Fire"), (None, "Rain"), (0, "Fire"), ("2", "Rain"), (50, "Rain")]
)
def test_one_person_alone_pulls_as_far_as_the_room_lets_them(
    world: World, box: Box, min_group: object, first: str
) -> None:
    """Somebody who voted for the fire once, in a house of rain; what is no number of people is the usual two."""
    world.song("Rain", RAIN)
    fire = world.song("Fire", FIRE)
    world.write(players.set_setting, box.player_id, "house_taste", [1, 0, 0, 0, 0], world.time.s)
    if min_group is not None:
        world.write(players.set_setting, box.player_id, "taste.min_group", min_group, world.time.s)
    box.hears((fire, 1.0))
    guest(world, box).post("/api/votes", song_id=fire, vote_value=5)
    world.refresh()
    assert box.queue().json()["songs"][0]["title"] == first
