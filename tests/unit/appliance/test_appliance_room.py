from __future__ import annotations

import math

import pytest

from appliance.clock import ManualClock
from appliance.errors import InputError
from appliance.model import Control, Fader, Rule, RuleKind, Solo
from appliance.store import Store
from mixer.scene import SongId
from tests.factories import Box, op_types, put, put_songs, song_row, uid

ONE, TWO = SongId("one"), SongId("two")


def ids(store: Store) -> list[str]:
    return [entry.song_id for entry in store.room.queue().entries]


# The queue


def test_a_box_that_never_had_a_queue_has_an_old_empty_one(store: Store) -> None:
    queue = store.room.queue()
    assert (queue.entries, queue.source, queue.age_s) == ((), "none", math.inf)


def test_a_queue_is_swapped_whole(store: Store) -> None:
    assert store.room.replace_queue(["a", "b", "c"], rev="r1")
    assert store.room.replace_queue(["c", "a"], rev="r2")
    assert ids(store) == ["c", "a"]
    assert [entry.position for entry in store.room.queue().entries] == [1, 2]
    assert (store.room.queue().rev, store.room.queue().source) == ("r2", "cloud")


def test_the_same_queue_again_changes_nothing_but_its_age(store: Store, clock: ManualClock) -> None:
    store.room.replace_queue(["a"], rev="r1")
    clock.advance(60)
    assert store.room.queue().age_s == 60
    assert not store.room.replace_queue(["a"], rev="r1")
    assert store.room.queue().age_s == 0
    assert not store.room.replace_queue(["a"], rev="r2")
    assert store.room.queue().rev == "r2"
    assert store.room.replace_queue(["a"], rev="", source="local")


def test_a_confirmed_queue_is_young_again_whatever_the_wall_says(store: Store, clock: ManualClock) -> None:
    store.room.replace_queue(["a"], rev="r1")
    clock.set_wall(0)
    clock.advance(80)
    assert store.room.queue().age_s == 80
    store.room.confirm_queue()
    assert (store.room.queue().age_s, ids(store), store.room.queue().rev) == (0, ["a"], "r1")


def test_a_confirmation_never_touches_the_card_and_outlives_the_process(
    box: Box, store: Store, clock: ManualClock
) -> None:
    store.room.replace_queue(["a"], rev="r1")
    clock.advance(80)
    written = store.db.conn.total_changes
    store.room.confirm_queue()
    assert store.db.conn.total_changes == written
    clock.advance(5)
    assert box.store("restarted").room.queue().age_s == 5


def test_a_confirmation_counts_for_the_queue_it_was_said_of(store: Store, clock: ManualClock) -> None:
    store.room.replace_queue(["a"], rev="r1")
    store.room.confirm_queue("r1-renewed")
    clock.advance(80)
    store.room.replace_queue(["b"], rev="", source="local")
    clock.advance(10)
    assert (store.room.queue().age_s, store.room.queue().rev) == (10, "")


def test_the_cloud_cannot_confirm_what_we_ranked_ourselves(store: Store, clock: ManualClock) -> None:
    store.room.replace_queue(["a"], rev="", source="local")
    clock.advance(80)
    store.room.confirm_queue()
    assert store.room.queue().age_s == 80


def test_a_queue_of_an_earlier_boot_is_old(box: Box, store: Store) -> None:
    store.room.replace_queue(["a"], rev="r1")
    box.reboot()
    after = box.store("after")
    assert (ids(after), after.room.queue().age_s) == (["a"], math.inf)


# Rules


def test_a_rule_is_set_with_its_op_changed_and_lifted(store: Store, clock: ManualClock) -> None:
    store.room.set_rule(Rule(ONE, "place", 3))
    store.room.set_rule(Rule(ONE, "place", 5))
    store.room.set_rule(Rule(ONE, "pin"))
    assert set(store.room.rules()) == {Rule(ONE, "place", 5), Rule(ONE, "pin")}
    store.room.set_rule(Rule(ONE, "pin", until_s=clock.wall - 1))
    assert store.room.rules() == [Rule(ONE, "place", 5)]
    assert op_types(store) == ["rule"] * 4


def test_a_rule_for_a_file_that_is_only_here_is_not_told_the_cloud(store: Store) -> None:
    put_songs(store, song_row(1, file_url="local:mine.wav"))
    store.room.set_rule(Rule(SongId(uid(1)), "pin"))
    assert [rule.kind for rule in store.room.rules()] == ["pin"]
    assert store.outbox.pending() == 0


def test_a_rule_with_an_end_ends(store: Store, clock: ManualClock) -> None:
    store.room.set_rule(Rule(ONE, "skip", until_s=clock.wall + 60))
    assert len(store.room.rules()) == 1
    clock.advance(60)
    assert store.room.rules() == []


def test_one_word_on_a_song_replaces_the_others_and_is_taken_back_by_the_same_call(
    store: Store, clock: ManualClock
) -> None:
    pinned, skipped = Rule(ONE, "pin"), Rule(ONE, "skip", until_s=clock.wall + 60)
    store.room.set_rule(pinned)
    store.room.set_rule(Rule(TWO, "ban"))
    before = store.room.say(ONE, [skipped])
    assert before == (pinned,)
    assert set(store.room.rules()) == {skipped, Rule(TWO, "ban")}
    assert store.room.say(ONE, before) == (skipped,)
    assert set(store.room.rules()) == {pinned, Rule(TWO, "ban")}
    assert len(op_types(store)) == 6, "the cloud hears of what was set and of what was lifted"
    assert [op.body["until_s"] for op in store.outbox.batch(6)][2:4] == [clock.wall - 1, clock.wall + 60]


def test_a_word_that_stands_already_is_no_news(store: Store) -> None:
    store.room.say(ONE, [Rule(ONE, "ban")])
    store.room.say(ONE, [Rule(ONE, "ban")])
    store.room.say(TWO, [])
    assert op_types(store) == ["rule"]


# Control


def test_a_room_nobody_touched_is_at_rest(store: Store) -> None:
    assert store.room.control() == Control()


def test_each_hand_on_the_master_moves_alone(store: Store) -> None:
    store.room.set_master(gain_db=-6.0)
    store.room.set_master(mute=True)
    store.room.set_master(hush=True)
    store.room.set_master(mute=False)
    assert store.room.control() == Control(-6.0, mute=False, hush=True)


def test_faders_are_held_moved_and_let_go(store: Store) -> None:
    store.room.hold_fader(Fader(ONE, -3.0))
    store.room.hold_fader(Fader(TWO, None, muted=True))
    store.room.hold_fader(Fader(ONE, -9.0))
    assert set(store.room.control().faders) == {Fader(ONE, -9.0), Fader(TWO, None, True)}
    store.room.release_faders([ONE, "unheard of"])
    assert store.room.control().faders == (Fader(TWO, None, True),)


def test_desired_state_survives_the_process(box: Box) -> None:
    wanted = Control(-3.0, hush=True, faders=(Fader(ONE, -1.5),))
    box.store("ui").room.set_control(wanted)
    assert box.store("player").room.control() == wanted


@pytest.mark.parametrize("gain_db", [math.nan, math.inf, -math.inf, 25.0])
def test_a_level_that_no_engine_takes_is_refused_and_not_stored(store: Store, gain_db: float) -> None:
    store.room.set_master(gain_db=-6.0)
    with pytest.raises(InputError, match="level"):
        store.room.set_master(gain_db=gain_db)
    with pytest.raises(InputError, match="one"):
        store.room.hold_fader(Fader(ONE, gain_db))
    assert store.room.control() == Control(-6.0)


def test_a_layer_is_heard_alone_for_a_while(store: Store, clock: ManualClock) -> None:
    store.room.solo(ONE, 60)
    store.room.solo(TWO, 60)
    solo = store.room.control().solo
    assert solo == Solo(TWO, round(1000 * (clock.boot + 60)), clock.boot_id)
    store.room.set_master(hush=True)
    assert store.room.control().solo == solo, "the other hands leave it alone"
    clock.set_wall(0)
    clock.advance(59)
    assert store.room.control().solo is not None
    clock.advance(1)
    assert store.room.control() == Control(hush=True)


def test_a_solo_is_ended_by_hand(store: Store) -> None:
    store.room.end_solo()
    store.room.solo(ONE, 60)
    store.room.end_solo()
    assert store.room.control() == Control()


def test_a_solo_outlives_a_process_but_not_a_reboot(box: Box, store: Store) -> None:
    store.room.solo(ONE, 60)
    assert box.store("restarted").room.control().solo is not None
    box.reboot()
    assert box.store("after").room.control().solo is None


def test_who_is_heard_alone_is_not_muted(store: Store) -> None:
    for fader in (Fader(ONE, None, muted=True), Fader(TWO, -6.0, muted=True)):
        store.room.hold_fader(fader)
    store.room.solo(ONE, 60)
    assert store.room.control().faders == (Fader(TWO, -6.0, muted=True),)
    store.room.solo(TWO, 60)
    assert store.room.control().faders == (Fader(TWO, -6.0),)


@pytest.mark.parametrize(("kind", "ends"), [("skip", True), ("ban", True), ("pin", False), ("place", False)])
def test_a_song_that_is_sent_away_is_no_longer_heard_alone(store: Store, kind: RuleKind, ends: bool) -> None:
    store.room.solo(ONE, 60)
    store.room.say(TWO, [Rule(TWO, kind)])
    assert store.room.control().solo is not None
    store.room.say(ONE, [Rule(ONE, kind)])
    assert (store.room.control().solo is None) == ends


def test_settings_are_as_the_cloud_last_said(store: Store) -> None:
    assert store.room.setting("house_taste") is None
    store.bucket.apply([put("settings", "x", {"key": "x", "value": {"deep": [1]}})], epoch="e", rev=1)
    assert store.room.setting("x") == {"deep": [1]}
    store.bucket.apply([put("settings", "x", {"key": "x", "value": None})], epoch="e", rev=2)
    assert store.room.setting("x") is None
