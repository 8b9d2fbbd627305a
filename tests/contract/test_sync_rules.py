"""Staff's rules, said at the box and from afar: both sides hold the same ones in the end."""

from __future__ import annotations

from uuid import uuid4

import doors
import pytest
from cloud_world import Box, World
from doors import in_step

from appliance.clock import ManualClock
from appliance.model import Rule
from appliance.store import Store
from mixer.scene import SongId
from sync.door import Door
from sync.pull import pull_once
from sync.push import push_once

pytestmark = doors.BOTH


def test_a_rule_on_a_song_that_the_cloud_lost_goes(cloud: Door, store: Store, clock: ManualClock) -> None:
    pull_once(store, cloud)
    store.room.set_rule(Rule(SongId(str(uuid4())), "pin"))
    assert push_once(store, cloud, clock).verdicts == {"rejected": 1}
    assert store.room.rules() == []
    pull_once(store, cloud)
    assert in_step(store, cloud)


@pytest.mark.parametrize("first", ["box", "staff"])
def test_a_rule_changed_on_both_sides_is_what_was_said_last(
    world: World, cloud: Door, store: Store, box: Box, clock: ManualClock, first: str
) -> None:
    """The box was offline when both were said, and its clock is ten years behind."""
    rain = world.song("rain")
    pull_once(store, cloud)
    push_once(store, cloud, clock)
    clock.set_wall(clock.wall - 3e8)

    def at_the_box() -> None:
        store.room.set_rule(Rule(SongId(rain), "place", place=2, until_s=clock.wall + 600))

    def from_afar() -> None:
        path = f"/api/admin/players/{box.player_id}/rules"
        body = {"song_id": rain, "kind": "place", "place": 7, "until_s": world.time.s + 600}
        assert world.client.request("PUT", path, headers=world.staff().headers, json=body).status_code == 204

    for say in (at_the_box, from_afar) if first == "box" else (from_afar, at_the_box):
        for moment in (clock, world.time):
            moment.advance(10)
        say()
    assert push_once(store, cloud, clock).verdicts == {"superseded" if first == "box" else "applied": 1}
    pull_once(store, cloud)
    (rule,) = store.room.rules()
    assert rule.place == (7 if first == "box" else 2)
    assert rule.until_s == pytest.approx(clock.wall + 600, abs=1)
    assert in_step(store, cloud)


def test_a_rule_that_ended_stays_ended_when_the_clock_falls_back_after_a_reboot(
    world: World, cloud: Door, store: Store, clock: ManualClock
) -> None:
    """The cloud never had it, so all it has to say is that nothing changed."""
    rain = world.song("rain")
    pull_once(store, cloud)
    store.room.set_rule(Rule(SongId(rain), "place", place=2, until_s=clock.wall - 1))
    push_once(store, cloud, clock)
    clock.boot_id = "the next boot"
    clock.set_wall(clock.wall - 3e8)
    assert store.room.rules(), "by this clock it holds"
    assert in_step(store, cloud)
    assert store.room.rules() == []
