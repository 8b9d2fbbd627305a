"""The log of changes says what the rooms' views say, also where a writer had the row in hand: nobody looked it up."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from cloud_world import RAIN, Box, World

from cloud_stub.database import Tx
from cloud_stub.repositories import bucket, changes, players, sessions


def assert_true(world: World, box: Box) -> None:
    """To look up all of it again is no news."""
    before = world.read(lambda tx: changes.mark(tx, box.player_id).get())
    world.write(bucket.rebuild, box.player_id, world.time.s)
    assert world.read(lambda tx: changes.mark(tx, box.player_id).get()) == before


def setting(world: World, box: Box, key: str) -> Any:
    (row,) = [row for tbl, pk, row in world.read(changes.bucket, box.player_id) if (tbl, pk) == ("settings", key)]
    return row["value"]


def test_after_check_ins_votes_and_settings(world: World, box: Box) -> None:
    rain, phone = world.song("Rain", RAIN), world.phone()
    world.check_in(phone, box)
    assert_true(world, box)
    box.hears((rain, 1.0))
    for value in (5, 1):
        world.time.advance(7.25)
        assert phone.post("/api/votes", song_id=rain, vote_value=value).json()["status"] == "applied"
        assert_true(world, box)
    world.time.advance(0.1)
    world.check_in(phone, box)
    world.write(players.set_setting, box.player_id, "master", {"b": 1.0, "a": [1e-7, "ü"]}, world.time.s)
    assert_true(world, box)
    assert phone.post("/api/checkout").status_code == 200
    assert_true(world, box)


def test_what_was_undone_is_not_said(world: World, box: Box) -> None:
    phone = world.phone()
    stay_id = world.check_in(phone, box).json()["session_id"]
    world.write(players.set_setting, box.player_id, "master", 0.5, world.time.s)

    def undone(tx: Tx) -> None:
        stay = sessions.find(tx, stay_id)
        assert stay is not None
        with suppress(ValueError), tx.part():
            players.set_setting(tx, box.player_id, "master", 0.9, world.time.s)
            sessions.extend(tx, stay, world.time.s + 9_000, world.time.s)
            raise ValueError

    world.write(undone)
    assert_true(world, box)
    assert setting(world, box, "master") == 0.5


@pytest.mark.parametrize("then", [0.2, None])
def test_the_last_word_of_a_transaction_counts(world: World, box: Box, then: float | None) -> None:
    def twice(tx: Tx) -> None:
        players.set_setting(tx, box.player_id, "master", 0.1, world.time.s)
        if then is None:
            tx.run("update settings set value = '0.7' where player_id = ?", box.player_id)
            bucket.touch(tx, box.player_id, "settings", "master", world.time.s)
        else:
            players.set_setting(tx, box.player_id, "master", then, world.time.s)

    world.write(twice)
    assert setting(world, box, "master") == (then or 0.7)
    assert_true(world, box)
