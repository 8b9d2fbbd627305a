"""Facts from boxes: each applied once, dated by the boot clock, and answered the same for ever."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import doors
import pytest
from cloud_world import RAIN, SEA, Box, Copy, World, enrolled, stay, vote

from cloud_stub.moments import to_text
from cloud_stub.repositories import cards, profiles
from ml.taste import Taste, learn
from sync.wire import PUSH_MAX_OPS

pytestmark = doors.BOTH


def test_a_repeated_op_does_nothing_and_gets_its_first_verdict(world: World, box: Box) -> None:
    rain, profile_id = world.song("Rain", RAIN), enrolled(box)
    good, bad = box.op("vote", vote(profile_id, rain)), box.op("vote", vote(profile_id, rain, 9))
    first = box.push(good, bad)
    assert first == ["applied", "rejected:range"]
    world.time.advance(100)
    assert box.push(good, bad, good) == ["applied", "rejected:range", "applied"]
    assert world.read(profiles.taste, profile_id) == (learn(Taste.newcomer(), RAIN, 5), 1)
    listed = world.staff().get(f"/api/admin/players/{box.player_id}/ops").json()
    assert [(op["type"], op["status"]) for op in listed] == [
        ("enrol", "applied"),
        ("vote", "applied"),
        ("vote", "rejected:range"),
    ]
    after = world.staff().get(f"/api/admin/players/{box.player_id}/ops?after={listed[1]['n']}").json()
    assert [op["op_id"] for op in after] == [bad["op_id"]]


@pytest.mark.parametrize(
    ("type_", "body", "verdict"),
    [
        ("vote", {"vote_value": 0}, "rejected:range"),
        ("vote", {"vote_value": 4.5}, "rejected:range"),
        ("vote", {"vote_value": "5"}, "rejected:range"),
        ("vote", {"vote_value": True}, "rejected:range"),
        ("vote", {"song_id": str(uuid4())}, "rejected:unknown_song"),
        ("vote", {"profile_id": str(uuid4())}, "rejected:unknown_profile"),
        ("vote", {"surprise": 1}, "rejected:body"),
        ("vote", {"song_id": "rain"}, "rejected:body"),
        ("dance", {}, "rejected:unknown_type"),
        ("checkin", {"profile_id": str(uuid4()), "session_id": str(uuid4()), "tap_id": str(uuid4()), "expires_in_s": 9},
         "rejected:unknown_profile"),
        ("checkout", {"profile_id": str(uuid4()), "session_id": str(uuid4()), "tap_id": str(uuid4())},
         "rejected:unknown_session"),
        ("play", {"play_id": str(uuid4()), "song_id": str(uuid4())}, "rejected:unknown_song"),
        ("play_end", {"play_id": str(uuid4()), "seconds": 3}, "rejected:unknown_play"),
        ("rule", {"song_id": str(uuid4()), "kind": "pin"}, "rejected:unknown_song"),
        ("rule", {"song_id": str(uuid4()), "kind": "love"}, "rejected:body"),
        ("settle", {"vote_id": str(uuid4()), "sounded": True}, "rejected:unknown_vote"),
    ],
)  # fmt: skip
def test_a_bad_op_is_rejected_alone(world: World, box: Box, type_: str, body: dict[str, Any], verdict: str) -> None:
    rain, profile_id = world.song("Rain", RAIN), enrolled(box)
    whole = {**vote(profile_id, rain), **body} if type_ == "vote" else body
    before, after = (box.op("vote", vote(profile_id, rain, 3)) for _ in range(2))
    assert box.push(before, box.op(type_, whole), after) == ["applied", verdict, "applied"]


def test_a_batch_that_is_no_batch_is_refused_whole(world: World, box: Box) -> None:
    op = box.op("vote", {})
    too_many = {**box.now_fields(), "ops": [{**op, "op_id": str(uuid4())} for _ in range(PUSH_MAX_OPS + 1)]}
    for body in (too_many, {"ops": []}, [], {**box.now_fields(), "ops": [{}]}):
        reply = world.client.post("/api/sync/v1/push", headers=box.headers, json=body)
        assert reply.status_code == 422
        assert "\n" not in reply.json()["message"]
    assert world.staff().get(f"/api/admin/players/{box.player_id}/ops").json() == []


def test_a_boxs_vote_on_a_mix_learns_by_share(world: World, box: Box) -> None:
    rain, sea, profile_id = world.song("Rain", RAIN), world.song("Sea", SEA), enrolled(box)
    scene = [{"song_id": rain, "share": 0.75}, {"song_id": sea, "share": 0.25}]
    assert box.push(box.op("vote", vote(profile_id, rain, 5, scene=scene, scene_id=str(uuid4())))) == ["applied"]
    taste, rev = world.read(profiles.taste, profile_id)
    wanted = learn(Taste.newcomer(), (0.75, 0.25, 0, 0, 0), 5)
    assert (list(taste.preference_vector), rev) == (pytest.approx(list(wanted.preference_vector)), 1)


def test_events_are_dated_by_the_boot_clock(world: World, box: Box) -> None:
    """A box whose wall clock says 1970, and then one that speaks of a boot before the last."""
    rain = world.song("Rain", RAIN)
    played = box.op("play", {"play_id": str(uuid4()), "song_id": rain, "audible_s": 10.0}, wall_ms=5)
    happened_s = world.time.s
    world.time.advance(500)
    assert box.push(played) == ["applied"]
    box.boot_id, box.booted_s = "boot-2", world.time.s
    late = box.op("play", {"play_id": str(uuid4()), "song_id": rain}, boot_id="boot-1",
                  mono_ms=played["mono_ms"] + 100_000, wall_ms=5)  # fmt: skip
    unknown = box.op("play", {"play_id": str(uuid4()), "song_id": rain}, boot_id="boot-0", mono_ms=1,
                     wall_ms=round((happened_s + 20) * 1000))  # fmt: skip
    future = box.op("play", {"play_id": str(uuid4()), "song_id": rain}, boot_id="boot-0", wall_ms=9_999_999_999_999)
    assert box.push(late, unknown, future) == ["applied"] * 3
    plays = world.staff().get(f"/api/admin/players/{box.player_id}/plays").json()
    started = sorted(play["played_at"] for play in plays)
    assert started == [to_text(s - 10) for s in (happened_s, happened_s + 20, happened_s + 100, world.time.s)]


def test_a_play_is_closed_with_its_seconds(world: World, box: Box) -> None:
    rain, play_id = world.song("Rain", RAIN), str(uuid4())
    assert box.push(
        box.op("play", {"play_id": play_id, "song_id": rain}),
        box.op("play_end", {"play_id": play_id, "seconds": 61.5}),
    ) == ["applied", "applied"]
    (play,) = world.staff().get(f"/api/admin/players/{box.player_id}/plays").json()
    assert (play["id"], play["seconds"]) == (play_id, 61.5)


def test_checking_in_elsewhere_ends_the_stay_here(world: World, box: Box) -> None:
    other, profile_id = world.box("Bar"), enrolled(box)
    first, second = stay(profile_id), stay(profile_id)
    assert box.push(box.op("checkin", first)) == ["applied"]
    world.time.advance(60)
    assert other.push(other.op("checkin", second)) == ["applied"]
    here, there = Copy(box), Copy(other)
    here.sync(), there.sync()
    assert here.table("sessions") == {}
    assert list(there.table("sessions")) == [second["session_id"]]
    assert box.push(box.op("checkout", {k: first[k] for k in ("tap_id", "session_id", "profile_id")})) == ["applied"]
    there.sync()
    assert list(there.table("sessions")) == [second["session_id"]]


def test_a_check_in_that_comes_late_is_history(world: World, box: Box) -> None:
    other, profile_id = world.box("Bar"), enrolled(box)
    late = box.op("checkin", stay(profile_id))
    world.time.advance(60)
    second = stay(profile_id)
    assert other.push(other.op("checkin", second)) == ["applied"]
    assert box.push(late) == ["superseded"]
    there, here = Copy(other), Copy(box)
    there.sync(), here.sync()
    assert list(there.table("sessions")) == [second["session_id"]]
    assert here.table("sessions") == {}
    (past,) = world.staff().get(f"/api/admin/players/{box.player_id}/sessions").json()
    assert past["status"] == "inactive"
    assert past["ended_at"] == to_text(world.time.s)


def test_a_stay_is_extended_by_its_own_id_and_never_reopened(world: World, box: Box) -> None:
    profile_id = enrolled(box)
    body = stay(profile_id)
    box.push(box.op("checkin", body))
    world.time.advance(1000)
    assert box.push(box.op("checkin", {**body, "tap_id": str(uuid4())})) == ["applied"]
    copy = Copy(box)
    copy.sync()
    assert copy.table("sessions")[body["session_id"]]["expires_at"] == world.time.s + 3600
    box.push(box.op("checkout", {k: body[k] for k in ("tap_id", "session_id", "profile_id")}))
    assert box.push(box.op("checkin", {**body, "tap_id": str(uuid4())})) == ["superseded"]
    copy.sync()
    assert copy.table("sessions") == {}


def test_two_boxes_that_met_the_same_card_apart_speak_of_one_person(world: World, box: Box) -> None:
    rain, other = world.song("Rain", RAIN), world.box("Bar")
    first, second = enrolled(box), str(uuid4())
    ops = [
        other.op("enrol", {"profile_id": second, "display_name": "Kite", "key_hash": "c" * 64}),
        other.op("checkin", stay(second)),
        other.op("vote", vote(second, rain)),
    ]
    assert other.push(*ops) == ["superseded", "applied", "applied"]
    assert world.read(profiles.taste, first)[1] == 1
    copy = Copy(other)
    copy.sync()
    assert list(copy.table("profiles")) == [first]
    assert copy.table("tags")["c" * 64]["profile_id"] == first
    assert next(iter(copy.table("sessions").values()))["user_id"] == first


def test_a_rule_is_set_and_lifted(world: World, box: Box) -> None:
    rain = world.song("Rain", RAIN)
    world.song("Sea", SEA)
    copy = Copy(box)
    rule = {"song_id": rain, "kind": "ban", "until_s": world.time.s + 600}
    assert box.push(box.op("rule", rule)) == ["applied"]
    copy.sync()
    assert copy.table("queue_rules") == {f"{rain}/ban": {**rule, "place": None}}
    world.refresh()
    assert [song["title"] for song in box.queue().json()["songs"]] == ["Sea"]
    assert box.push(box.op("rule", {**rule, "until_s": world.time.s - 1})) == ["applied"]
    copy.sync()
    assert copy.table("queue_rules") == {}
    box.push(box.op("rule", rule))
    world.time.advance(601)
    world.refresh()
    copy.sync()
    assert copy.table("queue_rules") == {}
    assert len(box.queue().json()["songs"]) == 2


def test_a_known_listener_does_not_become_another_by_holding_up_their_card(world: World, box: Box) -> None:
    first, second = enrolled(box), enrolled(box, "d" * 64)
    again = box.op("enrol", {"profile_id": second, "display_name": "Kite", "key_hash": "c" * 64})
    assert box.push(again) == ["superseded"]
    assert world.read(profiles.resolve, second) == second
    assert world.read(cards.owner, "c" * 64) == first
