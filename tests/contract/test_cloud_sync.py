"""The boxes' sync: facts exactly once, and a copy of the bucket that is always the bucket."""

from __future__ import annotations

import random
from typing import Any
from uuid import uuid4

import pytest
from cloud_world import FIRE, RAIN, SEA, Box, Copy, World

from cloud_stub.repositories import changes, players, profiles, songs
from ml.taste import Taste, learn
from sync.wire import PULL_MAX_ROWS, PUSH_MAX_OPS, PullReply, PushReply, digest_text, row_digest


@pytest.fixture
def box(world: World) -> Box:
    return world.box()


def digest_of(rows: dict[tuple[str, str], Any]) -> str:
    return digest_text(sum(row_digest(tbl, pk, row) for (tbl, pk), row in rows.items()))


def assert_equal(world: World, copy: Copy) -> None:
    """The copy is what the bucket's views say now, and both digests agree."""
    digest = copy.sync()
    assert digest == digest_of(copy.rows)
    stored = world.read(changes.bucket, copy.box.player_id)
    assert {(tbl, pk): row for tbl, pk, row in stored} == copy.rows


def enrolled(box: Box, card: str = "c" * 64) -> str:
    profile_id = str(uuid4())
    body = {"profile_id": profile_id, "display_name": "Heron", "key_hash": card}
    assert box.push(box.op("enrol", body)) == ["applied"]
    return profile_id


def stay(profile_id: str, session_id: str | None = None, expires_in_s: float = 3600.0) -> dict[str, Any]:
    return {
        "tap_id": str(uuid4()),
        "session_id": session_id or str(uuid4()),
        "profile_id": profile_id,
        "expires_in_s": expires_in_s,
    }


def vote(profile_id: str, song_id: str, value: Any = 5, **more: Any) -> dict[str, Any]:
    return {"vote_id": str(uuid4()), "profile_id": profile_id, "song_id": song_id, "vote_value": value, **more}


def test_the_replies_are_the_wires_own(world: World, box: Box) -> None:
    world.song("Rain", RAIN)
    page = PullReply.model_validate(box.pull())
    assert (page.reset, page.more) == (True, False)
    body = {**box.now_fields(), "ops": []}
    reply = world.client.post("/api/sync/v1/push", headers=box.headers, json=body)
    assert PushReply.model_validate(reply.json()).server_time == world.time.s


def test_a_listener_born_on_a_box_is_everybodys(world: World, box: Box) -> None:
    other = Copy(world.box("Bar"))
    other.sync()
    profile_id = enrolled(box)
    other.sync()
    assert other.resets == 1
    assert other.table("profiles")[profile_id]["display_name"] == "Heron"
    assert other.table("tags") == {"c" * 64: {"key_hash": "c" * 64, "key_version": 1, "profile_id": profile_id}}
    assert "email" not in other.table("profiles")[profile_id]


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
    assert started == [stamp(s - 10) for s in (happened_s, happened_s + 20, happened_s + 100, world.time.s)]


def stamp(at_s: float) -> str:
    from cloud_stub.moments import to_text

    return to_text(at_s)


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
    assert box.push(late) == ["applied"]
    there, here = Copy(other), Copy(box)
    there.sync(), here.sync()
    assert list(there.table("sessions")) == [second["session_id"]]
    assert here.table("sessions") == {}
    (past,) = world.staff().get(f"/api/admin/players/{box.player_id}/sessions").json()
    assert past["status"] == "inactive"
    assert past["ended_at"] == stamp(world.time.s)


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


def test_only_what_is_new_is_sent_and_deletes_are_told(world: World, box: Box) -> None:
    rain = world.song("Rain", RAIN)
    copy = Copy(box)
    copy.sync()
    sea = world.song("Sea", SEA)
    page = box.pull(epoch=copy.epoch, since=copy.rev)
    assert [(change["tbl"], change["pk"], change["op"]) for change in page["changes"]] == [("songs", sea, "put")]
    copy.sync()
    assert world.write(songs.remove, rain, world.time.s)
    page = box.pull(epoch=copy.epoch, since=copy.rev)
    assert [(change["tbl"], change["pk"], change["op"], change["row"]) for change in page["changes"]] == [
        ("songs", rain, "del", None)
    ]
    assert_equal(world, copy)
    assert list(copy.table("songs")) == [sea]
    assert copy.resets == 1


def test_a_song_travels_with_all_the_box_needs(world: World, box: Box) -> None:
    rain = world.song("Rain", RAIN)
    copy = Copy(box)
    copy.sync()
    row = copy.table("songs")[rain]
    assert row["embedding"] == list(RAIN)
    assert (row["type"], row["embedding_source"], row["duration"]) == ("soundscape", "hand", 20.0)
    assert row["file_url"] == f"/media/{row['sha256']}.wav"
    assert "certificate" not in row


def test_a_library_narrows_the_bucket_and_widens_it_again(world: World, box: Box) -> None:
    rain, sea = world.song("Rain", RAIN), world.song("Sea", SEA)
    copy, staff = Copy(box), world.staff()
    copy.sync()
    path = f"/api/admin/players/{box.player_id}/library"
    put = world.client.request("PUT", path, headers=staff.headers, json={"song_ids": [sea]})
    assert put.status_code == 204
    world.song("Fire", FIRE)
    assert_equal(world, copy)
    assert (list(copy.table("songs")), list(copy.table("player_library"))) == ([sea], [sea])
    world.refresh()
    assert [song["id"] for song in box.queue().json()["songs"]] == [sea]
    world.client.request("PUT", path, headers=staff.headers, json={"song_ids": []})
    assert_equal(world, copy)
    assert (len(copy.table("songs")), copy.table("player_library")) == (3, {})
    assert rain in copy.table("songs")


def test_a_box_that_stands_nowhere_we_know_gets_the_whole_bucket(world: World, box: Box) -> None:
    world.song("Rain", RAIN)
    epoch = box.pull()["epoch"]
    rev = box.pull()["next"]
    assert box.pull(epoch=epoch, since=rev)["reset"] is False
    assert box.pull(epoch="another", since=rev)["reset"] is True
    assert box.pull(epoch=epoch, since=rev + 1)["reset"] is True, "restored from a backup"
    gone = world.song("Sea", SEA)
    world.write(songs.remove, gone, world.time.s)
    world.time.advance(100)
    world.write(changes.prune, world.time.s)
    assert box.pull(epoch=epoch, since=rev)["reset"] is True, "the tombstone is forgotten"
    assert box.pull(epoch=epoch, since=box.pull()["next"])["reset"] is False


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_a_bucket_comes_in_pages_and_what_changes_meanwhile_comes_after(world: World, box: Box, limit: int) -> None:
    ids = [world.song(f"Song {i}", RAIN) for i in range(6)]
    copy = Copy(box, limit=limit)
    first = box.pull(limit=limit)
    assert (first["reset"], first["more"], len(first["changes"])) == (True, limit < 6, min(limit, 6))
    world.write(songs.remove, sorted(ids)[0], world.time.s)
    world.song("Late", SEA)
    copy._take_bucket(first)
    assert_equal(world, copy)
    assert len(copy.table("songs")) == 6
    assert copy.resets == 1


def test_pages_of_changes_end_where_the_next_begins(world: World, box: Box) -> None:
    copy = Copy(box, limit=2)
    copy.sync()
    for i in range(5):
        world.song(f"Song {i}", RAIN)
    page = box.pull(epoch=copy.epoch, since=copy.rev, limit=2)
    assert (page["more"], page["digest"], len(page["changes"])) == (True, None, 2)
    assert page["next"] == page["changes"][-1]["rev"]
    assert_equal(world, copy)


def test_a_held_back_pull_comes_with_the_change(world: World, box: Box) -> None:
    copy = Copy(box)
    copy.sync()
    params = {"epoch": copy.epoch, "since": copy.rev, "wait": "25"}
    waiting = world.client.later("GET", "/api/sync/v1/pull", headers=box.headers, params=params)
    world.until_waiting(1)
    rain = world.song("Rain", RAIN)
    (change,) = waiting.result(timeout=10).json()["changes"]
    assert change["pk"] == rain


def test_nothing_new_can_be_a_304(world: World, box: Box) -> None:
    page = world.client.get("/api/sync/v1/pull", headers=box.headers)
    etag, standing = page.headers["etag"], {"epoch": page.json()["epoch"], "since": page.json()["next"]}
    headers = {**box.headers, "If-None-Match": etag}
    assert world.client.get("/api/sync/v1/pull", headers=headers, params=standing).status_code == 304
    world.song("Rain", RAIN)
    assert world.client.get("/api/sync/v1/pull", headers=headers, params=standing).status_code == 200


@pytest.mark.parametrize(
    "params", [{"since": -1}, {"since": "x"}, {"limit": 0}, {"limit": PULL_MAX_ROWS + 1}, {"wait": "nan"}, {"wait": -1}]
)
def test_a_pull_that_cannot_be_read_is_refused(world: World, box: Box, params: dict[str, Any]) -> None:
    assert world.client.get("/api/sync/v1/pull", headers=box.headers, params=params).status_code == 422


def test_settings_travel(world: World, box: Box) -> None:
    copy = Copy(box)
    copy.sync()
    world.write(players.set_setting, box.player_id, "house_taste", [0, 0, 0, 0, 1], world.time.s)
    assert_equal(world, copy)
    assert copy.table("settings") == {"house_taste": {"key": "house_taste", "value": [0, 0, 0, 0, 1]}}


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_the_copy_is_the_bucket(world: World, seed: int) -> None:
    """A long random history of two rooms, with requests repeated and pages of any size."""
    rng = random.Random(seed)
    boxes = [world.box("Lobby"), world.box("Bar")]
    copies = [Copy(box, limit=rng.choice([2, 5, 500])) for box in boxes]
    song_ids = [world.song(f"Song {seed} {i}", tuple(rng.random() for _ in range(5))) for i in range(4)]
    people, stays, sent = [], [], []
    verdicts: dict[str, str] = {}

    def random_op(box: Box) -> dict[str, Any]:
        kind = rng.choice(["enrol", "checkin", "checkout", "vote", "vote", "play", "rule", "bad"])
        if kind == "enrol" or not people:
            people.append(str(uuid4()))
            card = f"{rng.randrange(6):064x}"
            return box.op("enrol", {"profile_id": people[-1], "display_name": "Someone", "key_hash": card})
        person, song = rng.choice(people), rng.choice(song_ids)
        if kind == "checkin" or (kind == "checkout" and not stays):
            stays.append(stay(person, expires_in_s=rng.choice([0.0, 60.0, 3600.0])))
            return box.op("checkin", stays[-1])
        if kind == "checkout":
            return box.op("checkout", {k: v for k, v in rng.choice(stays).items() if k != "expires_in_s"})
        if kind == "play":
            return box.op("play", {"play_id": str(uuid4()), "song_id": song})
        if kind == "rule":
            until_s = world.time.s + rng.choice([-5, 50])
            return box.op("rule", {"song_id": song, "kind": rng.choice(["pin", "ban"]), "until_s": until_s})
        return box.op("vote", vote(person, song, rng.randint(1, 5) if kind == "vote" else 7))

    for _ in range(60):
        which = rng.randrange(2)
        box = boxes[which]
        ops = [random_op(box) for _ in range(rng.randint(1, 4))]
        if sent and rng.random() < 0.4:
            again_box, again = rng.choice(sent)
            assert again_box.push(*again) == [verdicts[op["op_id"]] for op in again]
        verdicts |= dict(zip((op["op_id"] for op in ops), box.push(*ops), strict=True))
        sent.append((box, ops))
        world.time.advance(rng.choice([0.5, 30, 2000]))
        if rng.random() < 0.2:
            world.refresh()
        if rng.random() < 0.1:
            world.write(songs.remove, song_ids.pop(), world.time.s) if len(song_ids) > 1 else None
        if rng.random() < 0.3:
            assert_equal(world, copies[which])
    for copy in copies:
        assert_equal(world, copy)
        assert copy.resets == 1
    assert {"applied", "rejected:range"} <= set(verdicts.values())
    for person in set(people):
        taste, _ = world.read(profiles.taste, person)
        assert taste == refolded(world, person)


def refolded(world: World, person: str) -> Taste:
    from cloud_stub.repositories import votes

    taste = Taste.newcomer()
    for heard, value in world.read(votes.counting, person):
        taste = learn(taste, heard, value)
    return taste
