from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.clock import ManualClock
from appliance.errors import InputError, UnknownThing
from appliance.model import PendingVote
from appliance.store import Store
from appliance.store.people import STAY_S
from checkin import rules
from tests.factories import FIRE, RAIN, Box, count, op_types, profile_row, put, settle_all, tap, uid

TEN_YEARS_S = 10 * 365 * 86_400


def names(store: Store) -> list[str]:
    return [person.listener.display_name for person in store.people.present()]


def vote(store: Store, value: Any = 5, who: str | None = None, **options: Any) -> str:
    voter = who or store.people.present()[0].listener.id
    return store.people.record_vote(voter, uid(1), value, RAIN, **options)


def pull_profile(store: Store, profile_id: str, rev: int, name: str = "Heron") -> None:
    store.bucket.apply([put("profiles", profile_id, profile_row(profile_id, name, rev=rev))], epoch="e", rev=rev)


def phone_session(store: Store, profile_id: str, number: int = 900, **columns: Any) -> None:
    now_s = store.clock.wall_s()
    row = {"id": uid(number), "user_id": profile_id, "status": "active"}
    row |= {"checked_in_at": now_s, "expires_at": now_s + 3600} | columns
    store.bucket.apply([put("sessions", row["id"], row)], epoch="e", rev=1)


# Taps


def test_the_first_tap_enrols_and_checks_in_at_once(store: Store) -> None:
    result = tap(store)
    assert (result.outcome, result.new_listener, result.here) == ("in", True, 1)
    assert result.listener is not None
    assert result.listener.display_name in rules.NAMES
    enrol, checkin = store.outbox.batch(10)
    assert (enrol.type, checkin.type) == ("enrol", "checkin")
    assert enrol.body["profile_id"] == checkin.body["profile_id"] == result.listener.id
    assert checkin.body["expires_in_s"] == STAY_S


def test_a_tap_that_cannot_be_stored_whole_is_not_stored_at_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last thing a first tap does fails: listener, card, stay and both ops must not be there."""

    def fail(*_args: object, **_options: object) -> None:
        raise OSError("the card was pulled")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="pulled"):
        patched.setattr(store.people, "_insert_tap", fail)
        tap(store)
    assert [count(store, table) for table in ("profiles", "tags", "sessions", "outbox", "taps")] == [0] * 5
    assert tap(store).new_listener


def test_a_vote_and_its_op_are_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    tap(store)
    before = count(store, "outbox")
    with monkeypatch.context() as patched, pytest.raises(OSError, match="full"):
        patched.setattr(store.people, "_renew_stay", lambda *_: (_ for _ in ()).throw(OSError("full")))
        vote(store)
    assert (count(store, "votes"), count(store, "outbox")) == (0, before)


def test_a_second_tap_after_twenty_seconds_is_goodbye(store: Store, clock: ManualClock) -> None:
    tap(store)
    clock.advance(rules.MIN_STAY_S)
    result = tap(store)
    assert (result.outcome, result.new_listener, result.here) == ("out", False, 0)
    assert op_types(store) == ["enrol", "checkin", "checkout"]
    clock.advance(1)
    assert tap(store).outcome == "in"


def test_a_second_tap_within_twenty_seconds_says_yes_i_am_here(store: Store, clock: ManualClock) -> None:
    tap(store)
    clock.advance(rules.MIN_STAY_S - 1)
    result = tap(store)
    assert (result.outcome, result.here) == ("stay", 1)
    assert store.people.present()[0].remaining_s == STAY_S
    assert op_types(store) == ["enrol", "checkin", "checkin"], "the cloud hears of the longer stay"


def test_an_unknown_phone_changes_nothing_but_the_log(store: Store) -> None:
    result = tap(store, card=None)
    assert (result.outcome, result.listener, result.here) == ("phone", None, 0)
    assert (op_types(store), count(store, "taps"), count(store, "profiles")) == ([], 1, 0)


def test_a_repeated_tap_id_changes_nothing(store: Store, clock: ManualClock) -> None:
    first = tap(store, tap_id=uid(7))
    clock.advance(60)
    assert tap(store, tap_id=uid(7)) == first == store.people.tap_result(uid(7))
    assert (count(store, "taps"), op_types(store)) == (1, ["enrol", "checkin"])
    assert store.people.tap_result(uid(8)) is None


def test_everybody_gets_a_name_of_their_own(store: Store) -> None:
    for card in range(12):
        tap(store, card=f"card{card}")
    assert len(set(names(store))) == 12


def test_a_card_whose_listener_is_gone_is_somebody_new_under_the_old_id(store: Store) -> None:
    """The cloud sent the card before its profile, or took the profile away."""
    store.bucket.apply(
        [put("tags", "k", {"key_hash": f"{'card':-<64}", "profile_id": uid(5)})], epoch="e", rev=1
    )  # fmt: skip
    result = tap(store)
    assert result.new_listener
    assert result.listener is not None
    assert result.listener.id == uid(5)


def test_closing_time_ends_a_stay(store: Store, clock: ManualClock) -> None:
    tap(store, closing_s=clock.boot_s() + 600)
    assert store.people.present()[0].remaining_s == 600
    clock.advance(601)
    assert names(store) == []


# Stays


def test_a_stay_ends_after_an_hour(store: Store, clock: ManualClock) -> None:
    tap(store)
    clock.advance(STAY_S - 1)
    assert store.people.here() == 1
    clock.advance(1)
    assert store.people.here() == 0
    assert tap(store).outcome == "in"


@pytest.mark.parametrize("jump_s", [-TEN_YEARS_S, TEN_YEARS_S])
def test_a_clock_set_by_ten_years_ends_no_stay_and_prolongs_none(store: Store, clock: ManualClock, jump_s: int) -> None:
    tap(store)
    clock.set_wall(clock.wall + jump_s)
    assert store.people.present()[0].remaining_s == STAY_S
    clock.advance(30)
    assert tap(store).outcome == "out"
    assert tap(store, card="other").outcome == "in"
    clock.advance(STAY_S)
    assert store.people.here() == 0


def test_after_a_reboot_a_stay_ends_by_the_wall_clock(box: Box, store: Store) -> None:
    tap(store)
    box.reboot().advance(1800)
    later = box.store("after")
    assert later.people.present()[0].remaining_s == pytest.approx(STAY_S - 1860, abs=0.01)
    box.clock.advance(1800)
    assert later.people.here() == 0


@pytest.mark.parametrize("up_s", [10.0, 5_000.0])
def test_after_a_reboot_a_tap_still_says_goodbye(box: Box, up_s: float) -> None:
    """Whatever the boot clock said before: the stay began a minute ago."""
    tap(box.store("before", ManualClock(boot=up_s)))
    box.clock.wall = 1_800_000_000.0
    box.reboot()
    assert tap(box.store("after")).outcome == "out"


def test_a_stay_renewed_after_a_reboot_is_whole_in_the_new_boot(box: Box, store: Store) -> None:
    tap(store)
    box.reboot()
    after = box.store("after")
    vote(after)
    present = after.people.present()[0]
    assert present.remaining_s == pytest.approx(STAY_S, abs=0.01)
    assert present.checked_in_s == pytest.approx(box.clock.boot - 60, abs=0.01)
    assert tap(after).outcome == "out"


def test_a_vote_renews_the_stay_as_a_tap_does(store: Store, clock: ManualClock) -> None:
    assert STAY_S == rules.STAY_S
    tap(store)
    clock.advance(3000)
    vote(store)
    assert store.people.present()[0].remaining_s == STAY_S
    vote(store, closing_s=clock.boot_s() + 100)
    assert store.people.present()[0].remaining_s == 100


def test_a_vote_opens_no_stay_for_one_who_left(store: Store, clock: ManualClock) -> None:
    tap(store)
    left = store.people.present()[0].listener.id
    clock.advance(30)
    tap(store)
    vote(store, who=left)
    assert store.people.here() == 0


def test_one_person_with_a_card_and_a_phone_is_one_person(store: Store, clock: ManualClock) -> None:
    result = tap(store)
    assert result.listener is not None
    phone_session(store, result.listener.id)
    assert len(store.people.present()) == store.people.here() == 1
    clock.advance(30)
    assert tap(store).outcome == "out"
    assert store.people.here() == 0, "goodbye is goodbye, however they came"


def test_a_stay_from_a_phone_lasts_its_hour_even_where_the_clock_is_ten_years_behind(
    store: Store, clock: ManualClock
) -> None:
    true_now_s = clock.wall
    clock.set_wall(clock.wall - TEN_YEARS_S)
    pull_profile(store, uid(5), rev=1)
    phone_session(store, uid(5), checked_in_at=true_now_s, expires_at=true_now_s + 3600)
    assert store.people.present()[0].remaining_s == 3600
    clock.advance(3601)
    assert store.people.here() == 0


def test_a_tap_ends_a_stay_that_began_on_a_phone_a_while_ago(store: Store, clock: ManualClock) -> None:
    born = tap(store).listener
    assert born is not None
    clock.advance(30)
    tap(store)
    phone_session(store, born.id, checked_in_at=clock.wall - 60)
    assert tap(store).outcome == "out"


def test_passed_stays_are_tidied_up_once(store: Store, clock: ManualClock) -> None:
    tap(store)
    assert store.people.close_passed_stays() == 0
    clock.advance(STAY_S)
    assert store.people.close_passed_stays() == 1
    assert store.people.close_passed_stays() == 0


# Who votes at the screen


def test_the_faces_belong_to_the_last_tap_for_half_a_minute(store: Store, clock: ManualClock) -> None:
    assert store.people.voter_at_screen() is None
    first = tap(store)
    assert store.people.voter_at_screen() == first.listener
    second = tap(store, card="other")
    assert store.people.voter_at_screen() == second.listener
    clock.advance(31)
    assert store.people.voter_at_screen() is None


@pytest.mark.parametrize("card", [None, "card"])
def test_the_faces_belong_to_nobody_after_a_phone_or_a_goodbye(
    store: Store, clock: ManualClock, card: str | None
) -> None:
    tap(store)
    clock.advance(25)
    tap(store, card=card)
    assert store.people.voter_at_screen() is None


def test_a_tap_of_an_earlier_boot_votes_no_more(box: Box, store: Store) -> None:
    tap(store)
    box.reboot()
    assert box.store("after").people.voter_at_screen() is None


# Votes

NO_VOTES = [0, 6, -1, 4.0, 4.5, math.nan, math.inf, "5", True, None, 10**30]


@pytest.mark.parametrize("value", NO_VOTES, ids=repr)
def test_what_is_no_vote_is_refused_in_one_line_and_nothing_is_stored(store: Store, value: Any) -> None:
    tap(store)
    before = op_types(store)
    with pytest.raises(InputError, match="rate from 1") as refused:
        vote(store, value)
    assert "\n" not in str(refused.value)
    assert (count(store, "votes"), op_types(store)) == (0, before)


def test_a_stranger_cannot_vote(store: Store) -> None:
    with pytest.raises(UnknownThing, match="tap in first"):
        vote(store, who=uid(404))
    assert (count(store, "votes"), op_types(store)) == (0, [])


def test_a_vote_carries_what_sounded(store: Store) -> None:
    tap(store)
    vote_id = vote(store, 4, scene_id=uid(2), shares=[(uid(1), 0.75004), (uid(3), 0.25)])
    op = store.outbox.batch(10)[-1]
    assert (op.type, op.body["vote_id"], op.body["vote_value"], op.body["scene_id"]) == ("vote", vote_id, 4, uid(2))
    assert op.body["scene"] == [{"song_id": uid(1), "share": 0.75}, {"song_id": uid(3), "share": 0.25}]


# Pending votes


def pending(store: Store) -> list[int]:
    return [vote.vote_value for vote in store.people.present()[0].pending]


def test_pending_votes_are_folded_until_the_pulled_taste_holds_them(store: Store) -> None:
    tap(store)
    who = store.people.present()[0].listener.id
    settle_all(store)
    pull_profile(store, who, rev=7)
    store.people.record_vote(who, uid(1), 5, RAIN)
    store.people.record_vote(who, uid(2), 1, FIRE)
    assert store.people.present()[0].pending == (PendingVote(RAIN, 5), PendingVote(FIRE, 1))
    pull_profile(store, who, rev=8)
    assert pending(store) == [5, 1], "a vote by phone came between; ours have not been sent"
    pull_profile(store, who, rev=7)
    settle_all(store)
    assert pending(store) == [5, 1], "sent, but the taste we hold is from before"
    pull_profile(store, who, rev=9)
    assert pending(store) == []


def test_a_vote_the_cloud_refused_is_not_folded(store: Store) -> None:
    tap(store)
    vote(store, 5)
    vote(store, 2)
    refused = store.outbox.batch(10)[-1].op_id
    store.outbox.settle([(refused, "rejected: not_playing")])
    assert pending(store) == [5]


# Whatever people do


@settings(max_examples=20)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([1.0, 19.0, 20.0, 3599.0, 3601.0])), max_size=12))
def test_presence_is_what_the_rules_say(
    tmp_path_factory: pytest.TempPathFactory, taps: list[tuple[str, float]]
) -> None:
    box = Box(tmp_path_factory.mktemp("box"))
    store = box.store()
    inside: dict[str, tuple[float, float]] = {}
    for card, later_s in taps:
        box.clock.advance(later_s)
        now_s = box.clock.boot_s()
        inside = {who: stay for who, stay in inside.items() if stay[1] > now_s}
        decision = rules.decide(*inside.get(card, (None, None)), now_s=now_s)
        began_s = inside.pop(card, (now_s, 0.0))[0]
        if decision.outcome != "out":
            inside[card] = (began_s, decision.expires_s)
        result = tap(store, card=card)
        assert (result.outcome, result.here) == (decision.outcome, len(inside))
    assert count(store, "outbox") == len(taps) + len({card for card, _ in taps})
    box.close()
