"""Cards between a real box's store and a real cloud: a history taken along, and a word that is used up everywhere."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from uuid import uuid4

import doors
from cloud_world import RAIN, World

from appliance import handover
from appliance.clock import ManualClock
from appliance.model import Listener, TapRead
from appliance.store import Store, open_store
from checkin import rules
from cloud_stub.repositories import cards
from sync.door import Door
from sync.pull import pull_once
from sync.push import push_once

pytestmark = doors.BOTH

KEY = "ab" * 32


def agree(store: Store, cloud: Door) -> bool:
    """After one more pull both sides' digests are equal."""
    pull_once(store, cloud)
    return not pull_once(store, cloud).mismatched


def hears(store: Store, counter: int | None = None) -> tuple[str, Listener | None]:
    """A card taps; what came of it, and whose it is."""
    now_ms = round(store.clock.boot_s() * 1000)
    result = store.people.record_tap(TapRead(str(uuid4()), KEY, 1, now_ms, 0, counter=counter), rules)
    return result.outcome, result.listener


def test_a_history_is_taken_along_offline_and_the_card_is_the_phones_afterwards(
    world: World, cloud: Door, store: Store, clock: ManualClock
) -> None:
    """The phone, which has a line of its own, shows the token a day before the box has one; its clock is wrong, too."""
    rain, phone = world.song("rain", RAIN), world.phone()
    pull_once(store, cloud)
    store.scenes.record([{"song_id": rain}], taps_seen=0, cause={})
    _, listener = hears(store)
    assert listener is not None
    store.people.record_vote(listener.id, rain, 5, RAIN, shares=[(rain, 1.0)])
    clock.wall -= 10 * 365 * 86_400
    address = handover.offer(store, "https://cosound.example", listener.id)
    clock.advance(300)
    world.time.advance(300)
    assert phone.post("/api/link", token=address.rpartition("#")[2]).json() == {"status": "waiting"}
    clock.advance(86_400)
    world.time.advance(86_400)
    assert push_once(store, cloud, clock).verdicts == {"applied": 3, "superseded": 1}, "the stay is long over"
    pull_once(store, cloud)
    mine = phone.me()
    assert (mine["votes"], store.people.listener(listener.id)) == (1, store.people.listener(mine["id"]))
    assert [person.id for _, person in [hears(store)] if person] == [mine["id"]]
    assert agree(store, cloud)


def test_a_card_used_at_one_box_is_used_up_at_the_other_and_in_the_cloud(
    world: World, cloud: Door, store: Store, tmp_path: Path, clock: ManualClock
) -> None:
    """One word of a card that signs: heard in the lobby, it opens nothing in the bar, nor on a phone."""
    bar = world.door.open(world.box("Bar").token)
    assert hears(store, 7)[0] == "in"
    push_once(store, cloud, clock)
    with closing(open_store(tmp_path / "bar", tmp_path / "bar-run", "sync-bar", clock)) as with_bar:
        pull_once(with_bar, bar)
        assert [hears(with_bar, 7)[0], hears(with_bar, 8)[0]] == ["again", "in"]
        push_once(with_bar, bar, clock)
        assert agree(with_bar, bar)
    pull_once(store, cloud)
    assert hears(store, 8)[0] == "again"
    assert not world.write(cards.count, KEY, 8, world.time.s)
    assert agree(store, cloud)


def test_forgotten_at_one_box_is_forgotten_at_the_others(
    world: World, cloud: Door, store: Store, tmp_path: Path, clock: ManualClock
) -> None:
    """Also what they did at another box goes, and what it wanted to say of them is not believed."""
    rain, bar = world.song("rain", RAIN), world.door.open(world.box("Bar").token)
    _, listener = hears(store)
    assert listener is not None
    push_once(store, cloud, clock)
    with closing(open_store(tmp_path / "bar", tmp_path / "bar-run", "sync-bar", clock)) as with_bar:
        pull_once(with_bar, bar)
        clock.advance(60)
        assert hears(with_bar)[1] == listener
        with_bar.people.record_vote(listener.id, rain, 5, RAIN, shares=[(rain, 1.0)])
        push_once(with_bar, bar, clock)
        clock.advance(60)
        hears(with_bar), push_once(with_bar, bar, clock)
        receipt = handover.identity(store).forget(listener.id)
        assert push_once(store, cloud, clock).verdicts == {"applied": 1}
        pull_once(with_bar, bar)
        with_bar.outbox.belong_to("nobody")  # what was sent is kept for a week, for a cloud that comes from a backup
        for one in (store, with_bar):
            kept = "\n".join(line for line in one.db.conn.iterdump() if receipt not in line)
            assert listener.id not in kept
            assert KEY not in kept
        assert agree(with_bar, bar)
    assert world.read(lambda tx: tx.value("select count(*) from profiles where id = ?", listener.id)) == 0


def test_one_room_at_a_time_also_when_the_other_box_hears_of_it_late(
    world: World, cloud: Door, store: Store, tmp_path: Path, clock: ManualClock
) -> None:
    bar = world.door.open(world.box("Bar").token)
    pull_once(store, cloud)
    hears(store), push_once(store, cloud, clock)
    with closing(open_store(tmp_path / "bar", tmp_path / "bar-run", "sync-bar", clock)) as with_bar:
        pull_once(with_bar, bar)
        clock.advance(60)
        world.time.advance(60)
        hears(with_bar)
        push_once(with_bar, bar, clock)
        pull_once(store, cloud)
        assert [one.people.here() for one in (store, with_bar)] == [0, 1], "both online: the new room has them"
        clock.advance(60)
        world.time.advance(60)
        hears(store)  # offline, and the first to move on; it is told last
        clock.advance(60)
        world.time.advance(60)
        hears(with_bar), clock.advance(60), world.time.advance(60), hears(with_bar)
        push_once(with_bar, bar, clock), push_once(store, cloud, clock)
        for one, its in ((store, cloud), (with_bar, bar)):
            pull_once(one, its)
        assert [one.people.here() for one in (store, with_bar)] == [0, 1], "by when they tapped, not by who told first"
        assert agree(store, cloud) and agree(with_bar, bar)
