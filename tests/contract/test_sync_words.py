"""Staff's word on a song, from the touchscreen to the cloud and back, without sockets."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import doors
import pytest
from cloud_world import RAIN, SEA, Box, World

from appliance.clock import ManualClock
from appliance.store import Store, open_store
from appliance.ui.songbook import read_songbook
from appliance.ui.word import say, take_back
from sync.door import Door
from sync.pull import pull_once
from sync.push import push_once
from sync.queue import queue_once

pytestmark = doors.BOTH


def agree(store: Store, cloud: Door) -> bool:
    """A pull brings nothing and finds both digests equal."""
    report = pull_once(store, cloud)
    return not report.mismatched and report.changes == 0


def test_a_word_said_at_the_screen_with_the_cable_out_reaches_the_cloud_and_is_taken_back(
    world: World, cloud: Door, store: Store, clock: ManualClock, tmp_path: Path
) -> None:
    """The box's clock is ten years behind; a box that takes its place later hears of the word as well."""
    rain, sea = world.song("rain", RAIN), world.song("sea", SEA)
    pull_once(store, cloud)
    clock.set_wall(clock.wall - 3e8)
    said = say(store, rain, "skip", sounding=True)
    for moment in (clock, world.time):
        moment.advance(300)
    assert push_once(store, cloud, clock).verdicts == {"applied": 1}
    world.refresh()
    queue_once(store, cloud)
    assert [entry.song_id for entry in store.room.queue().entries] == [sea]
    later = ManualClock(boot=50.0, wall=world.time.s)
    with closing(open_store(tmp_path / "next", tmp_path / "next-run", "next", later)) as successor:
        pull_once(successor, cloud)
        (word,) = read_songbook(successor).words
        assert (word.song.id, word.kind) == (rain, "skip")
        assert word.until_s == pytest.approx(50 + 7200 - 300, abs=1)
    take_back(store, said)
    assert push_once(store, cloud, clock).verdicts == {"applied": 2}, "the skip is lifted, the bed is fetched back"
    world.refresh()
    queue_once(store, cloud)
    assert {entry.song_id for entry in store.room.queue().entries} == {rain, sea}
    for moment in (clock, world.time):
        moment.advance(60)
    world.refresh()
    pull_once(store, cloud)
    assert read_songbook(store).words == ()
    assert agree(store, cloud)


def test_a_word_said_from_afar_stands_on_the_screen_and_is_lifted_there(
    world: World, cloud: Door, store: Store, box: Box, clock: ManualClock
) -> None:
    rain = world.song("rain")
    body = {"song_id": rain, "kind": "ban"}
    path = f"/api/admin/players/{box.player_id}/rules"
    assert world.client.request("PUT", path, headers=world.staff().headers, json=body).status_code == 204
    pull_once(store, cloud)
    assert [word.kind for word in read_songbook(store).words] == ["ban"]
    for moment in (clock, world.time):
        moment.advance(10)
    say(store, rain, None)
    assert push_once(store, cloud, clock).verdicts == {"applied": 1}
    pull_once(store, cloud)
    assert read_songbook(store).words == ()
    assert agree(store, cloud)
