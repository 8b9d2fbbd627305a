"""Two profiles are one person: what the one has becomes the other's, in every room, also what comes later."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import doors
import pytest
from cloud_world import FIRE, RAIN, SEA, Box, Copy, World, enrolled, stay, vote

from cloud_stub.repositories import profiles, votes
from ml.taste import Taste, learn

GONE, KEPT = "c" * 64, "d" * 64

pytestmark = doors.BOTH


def merge(box: Box, away: str, into: str) -> list[str]:
    return box.push(box.op("merge", {"profile_id": away, "into_id": into}))


def has_taste(world: World, profile_id: str, wanted: Taste) -> bool:
    """But for the seventh digit, where PostgreSQL's vectors end."""
    taste: Taste = world.read(profiles.taste, profile_id)[0]
    return (taste.mean, taste.precision, taste.votes) == (wanted.mean, wanted.precision, wanted.votes) and list(
        taste.preference_vector
    ) == pytest.approx(list(wanted.preference_vector))


def test_cards_stays_and_votes_become_the_survivors_in_every_room(world: World, box: Box) -> None:
    rain, sea, other = world.song("Rain", RAIN), world.song("Sea", SEA), world.box("Bar")
    away, into = enrolled(box, GONE), enrolled(box, KEPT)
    visit = stay(away)
    box.push(box.op("vote", vote(away, rain)))
    world.time.advance(1)
    box.push(box.op("vote", vote(into, sea)), box.op("checkin", visit))
    copies = Copy(box), Copy(other)
    for copy in copies:
        copy.sync()
    assert merge(box, away, into) == ["applied"]
    for copy in copies:
        copy.sync()
        assert {row["profile_id"] for row in copy.table("tags").values()} == {into}
        assert list(copy.table("profiles")) == [into]
        assert copy.table("merges") == {away: {"profile_id": away, "into_id": into}}
    assert copies[0].table("sessions")[visit["session_id"]]["user_id"] == into
    assert has_taste(world, into, learn(learn(Taste.newcomer(), RAIN, 5), SEA, 5))
    assert world.read(profiles.taste, into)[1] > 1, "no box takes a vote it has already folded for a new one"


def test_what_the_merged_one_does_later_is_the_survivors(world: World, box: Box) -> None:
    """A box that was away still speaks of a person that is another's part by now."""
    rain, other = world.song("Rain", RAIN), world.box("Bar")
    away, into = enrolled(box, GONE), enrolled(box, KEPT)
    late = [
        other.op("enrol", {"profile_id": away, "display_name": "Kite", "key_hash": "e" * 64}),
        other.op("checkin", stay(away)),
        other.op("vote", vote(away, rain)),
    ]
    merge(box, away, into)
    assert other.push(*late) == ["applied"] * 3
    copy = Copy(other)
    copy.sync()
    assert {row["profile_id"] for row in copy.table("tags").values()} == {into}
    assert [row["user_id"] for row in copy.table("sessions").values()] == [into]
    assert has_taste(world, into, learn(Taste.newcomer(), RAIN, 5))


def test_asked_for_again_or_the_other_way_round_it_does_nothing(world: World, box: Box) -> None:
    rain, away, into = world.song("Rain", RAIN), enrolled(box, GONE), enrolled(box, KEPT)
    box.push(box.op("vote", vote(away, rain)))
    op = box.op("merge", {"profile_id": away, "into_id": into})
    assert box.push(op, op) == ["applied", "applied"]
    before = world.read(profiles.taste, into)
    for one, two in ((away, into), (into, away), (into, into)):
        assert merge(box, one, two) == ["superseded"]
    assert merge(box, away, str(uuid4())) == ["rejected:unknown_profile"]
    assert world.read(profiles.taste, into) == before
    assert world.read(profiles.resolve, into) == into


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_chain_ends_at_its_end_in_any_order(world: World, box: Box, order: tuple[int, int]) -> None:
    a, b, c = people = [enrolled(box, card * 64) for card in "abc"]
    wanted = Taste.newcomer()
    for person, tags, value in zip(people, (RAIN, SEA, FIRE), (5, 2, 4), strict=True):
        box.push(box.op("vote", vote(person, world.song(f"{tags}", tags), value)))
        wanted = learn(wanted, tags, value)
        world.time.advance(1)
    links = [(a, b), (b, c)]
    for link in order:
        assert merge(box, *links[link]) == ["applied"]
    copy = Copy(box)
    digest = copy.sync()
    assert {row["into_id"] for row in copy.table("merges").values()} == {c}
    assert sorted(copy.table("merges")) == sorted([a, b])
    assert list(copy.table("profiles")) == [c]
    assert has_taste(world, c, wanted)
    fresh = Copy(box)
    assert fresh.sync() == digest and fresh.rows == copy.rows


def test_of_two_votes_on_one_play_the_newer_counts(world: World, box: Box) -> None:
    rain, away, into = world.song("Rain", RAIN), enrolled(box, GONE), enrolled(box, KEPT)
    box.push(box.op("vote", vote(away, rain, 1)))
    world.time.advance(30)
    box.push(box.op("vote", vote(into, rain, 5)))
    alone = world.read(votes.counting_in, box.player_id)
    merge(box, away, into)
    assert len(alone) == 2
    assert world.read(votes.counting, into) == [(list(RAIN), 5)]
    assert has_taste(world, into, learn(Taste.newcomer(), RAIN, 5))
    assert world.read(votes.counting_in, box.player_id) == [(list(RAIN), 5, 1)]


def test_of_two_open_stays_the_later_goes_on(world: World, box: Box) -> None:
    other, away, into = world.box("Bar"), enrolled(box, GONE), enrolled(box, KEPT)
    box.push(box.op("checkin", stay(away)))
    world.time.advance(60)
    second = stay(into)
    other.push(other.op("checkin", second))
    merge(box, away, into)
    here, there = Copy(box), Copy(other)
    here.sync(), there.sync()
    assert here.table("sessions") == {}
    assert list(there.table("sessions")) == [second["session_id"]]


def test_an_account_stays_and_two_accounts_are_not_for_a_box_to_join(world: World, box: Box) -> None:
    card = enrolled(box, GONE)
    phone, another = (account(world) for _ in range(2))
    assert merge(box, phone, card) == ["applied"]
    assert world.read(profiles.resolve, card) == phone
    assert merge(box, phone, another) == ["rejected:two_accounts"]


def account(world: World) -> str:
    me: dict[str, Any] = world.phone().me()
    return str(me["id"])


def test_whoever_asks_to_be_forgotten_is_gone_with_all_that_they_were(world: World, box: Box) -> None:
    away, into = enrolled(box, GONE), enrolled(box, KEPT)
    copy = Copy(box)
    merge(box, away, into)
    copy.sync()
    assert box.push(box.op("forget", {"profile_id": away})) == ["applied"]
    copy.sync()
    assert not any(copy.table(tbl) for tbl in ("profiles", "tags", "merges"))
