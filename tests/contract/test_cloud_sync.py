"""The boxes' sync: facts exactly once, and a copy of the bucket that is always the bucket."""

from __future__ import annotations

import random
from typing import Any
from uuid import uuid4

import doors
import pytest
from cloud_world import FIRE, RAIN, SEA, Box, Copy, World, enrolled, stay, vote

from cloud_stub.repositories import changes, players, profiles, songs
from ml.taste import Taste, learn
from sync.digest import digest_text, row_digest
from sync.wire import PULL_MAX_ROWS, PullReply, PushReply
from tests.patience import PATIENCE_S

pytestmark = doors.BOTH


def digest_of(rows: dict[tuple[str, str], Any]) -> str:
    return digest_text(sum(row_digest(tbl, pk, row) for (tbl, pk), row in rows.items()))


def assert_equal(world: World, copy: Copy) -> None:
    """The copy is what the bucket's views say now, and both digests agree."""
    digest = copy.sync()
    assert digest == digest_of(copy.rows)
    stored = world.read(changes.bucket, copy.box.player_id)
    assert {(tbl, pk): row for tbl, pk, row in stored} == copy.rows


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
    card = {"key_hash": "c" * 64, "key_version": 1, "profile_id": profile_id, "counter": None}
    assert other.table("tags") == {"c" * 64: card}
    assert "email" not in other.table("profiles")[profile_id]


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
    assert row["file_url"] == world.door.file_url(f"{row['sha256']}.wav")
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
    (change,) = waiting.result(PATIENCE_S).json()["changes"]
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
        again = refolded(world, person)
        assert (taste.mean, taste.votes) == (pytest.approx(again.mean), again.votes)
        assert taste.preference_vector == pytest.approx(
            again.preference_vector, abs=1e-5
        )  # pgvector keeps seven digits


def refolded(world: World, person: str) -> Taste:
    from cloud_stub.repositories import votes

    taste = Taste.newcomer()
    for heard, value in world.read(votes.counting, person):
        taste = learn(taste, heard, value)
    return taste
