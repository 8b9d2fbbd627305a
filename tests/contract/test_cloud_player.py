"""The player API, to the letter."""

from __future__ import annotations

import pytest
from cloud_world import FIRE, RAIN, SEA, World

from cloud_stub.repositories import players, queue
from tests.patience import PATIENCE_S

WRONG = b'{"success": false, "error": "Invalid player token"}'


def test_the_queue_is_the_seeds_answer(world: World) -> None:
    world.song("Rain", RAIN)
    world.song("Piano", kind="instrumental")
    box = world.box()
    world.refresh()
    reply = box.queue()
    assert reply.status_code == 200
    answer = reply.json()
    assert list(answer) == ["success", "songs"]
    assert answer["success"] is True
    assert [list(song) for song in answer["songs"]] == [["id", "title", "file_url", "type", "position"]] * 2
    assert [(song["title"], song["type"], song["position"]) for song in answer["songs"]] == [
        ("Rain", "soundscape", 1),
        ("Piano", "instrumental", 2),
    ]


def test_the_other_spelling_answers_the_same_and_refuses_tokens_in_addresses(world: World) -> None:
    box = world.box()
    assert world.client.get("/api/cosound", headers=box.headers).content == box.queue().content
    for path in ("/api/cosound", "/api/player/queue"):
        refused = world.client.get(path, params={"player": box.token})
        assert refused.status_code == 410
        assert box.token not in refused.text


@pytest.mark.parametrize("token", ["", "nonsense", "csp_00000000_" + "a" * 43])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/player/queue"),
        ("GET", "/api/cosound"),
        ("GET", "/api/sync/v1/pull"),
        ("GET", "/api/player/library"),
        ("GET", "/api/player/settings"),
        ("GET", "/api/media/" + "a" * 64),
        ("POST", "/api/player/heartbeat"),
        ("POST", "/api/sync/v1/push"),
    ],
)
def test_a_wrong_token_gets_the_seeds_401(world: World, method: str, path: str, token: str) -> None:
    body = {"boot_id": "b", "mono_ms": 0, "wall_ms": 0, "audible": False, "ops": []}
    json = {"json": body} if method == "POST" else {}
    reply = world.client.request(method, path, headers={"X-API-Key": token} if token else {}, **json)
    assert (reply.status_code, reply.content) == (401, WRONG)


def test_no_change_is_a_304_without_a_body(world: World) -> None:
    world.song("Rain", RAIN)
    box = world.box()
    world.refresh()
    etag = box.queue().headers["etag"]
    again = box.queue(**{"If-None-Match": etag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert box.queue(**{"If-None-Match": '"old"'}).status_code == 200


def test_a_held_back_answer_comes_when_the_queue_changes(world: World) -> None:
    song_id = world.song("Rain", RAIN)
    box = world.box()
    world.refresh()
    etag = box.queue().headers["etag"]
    headers = {**box.headers, "If-None-Match": etag}
    waiting = world.client.later("GET", "/api/player/queue", headers=headers, params={"wait": "25"})
    world.until_waiting(1)
    world.write(queue.replace, box.player_id, [], world.time.s)
    reply = waiting.result(PATIENCE_S)
    assert (reply.status_code, reply.json()["songs"]) == (200, [])
    assert reply.headers["etag"] != etag
    assert song_id not in reply.text


def test_a_look_at_what_was_told_already_ends_no_wait(world: World) -> None:
    """On PostgreSQL the server looks once a second what other copies of it did, and finds its own doings too."""
    world.song("Rain", RAIN)
    world.client.portal.call(world.services.look_elsewhere)
    box = world.box()
    world.refresh()
    standing = _standing(box.pull())
    headers = {**box.headers, "If-None-Match": box.queue().headers["etag"]}
    waiting = world.client.later("GET", "/api/player/queue", headers=headers, params={"wait": "25"})
    pulling = world.client.later("GET", "/api/sync/v1/pull", headers=box.headers, params={**standing, "wait": "25"})
    world.until_waiting(2)
    world.client.portal.call(world.services.look_elsewhere)
    world.write(queue.replace, box.player_id, [], world.time.s)
    assert waiting.result(PATIENCE_S).json()["songs"] == []
    song_id = world.song("Sea", SEA)
    assert [change["pk"] for change in pulling.result(PATIENCE_S).json()["changes"]] == [song_id]


def test_a_token_that_is_taken_away_ends_the_wait(world: World) -> None:
    box = world.box()
    headers = {**box.headers, "If-None-Match": box.queue().headers["etag"]}
    waiting = world.client.later("GET", "/api/player/queue", headers=headers, params={"wait": "25"})
    world.until_waiting(1)
    world.write(players.revoke_tokens, box.player_id, world.time.s)
    world.wake_all()
    assert (waiting.result(PATIENCE_S).status_code, box.queue().status_code) == (401, 401)


def test_a_stopping_server_lets_everybody_go(world: World) -> None:
    box = world.box()
    headers = {**box.headers, "If-None-Match": box.queue().headers["etag"]}
    waiting = world.client.later("GET", "/api/player/queue", headers=headers, params={"wait": "25"})
    pulling = world.client.later(
        "GET", "/api/sync/v1/pull", headers=box.headers, params={**_standing(box.pull()), "wait": "25"}
    )
    world.until_waiting(2)
    world.client.portal.call(world.services.waiters.close)
    assert waiting.result(PATIENCE_S).status_code == 304
    assert pulling.result(PATIENCE_S).json()["changes"] == []


def _standing(page: dict[str, object]) -> dict[str, object]:
    return {"epoch": page["epoch"], "since": page["next"]}


def test_links_are_renewed_at_half_their_life_and_then_the_etag_is_new(world: World) -> None:
    world.song("Rain", RAIN, data=b"rain's bytes")
    box = world.box()
    world.refresh()
    first = box.queue()
    url = first.json()["songs"][0]["file_url"]
    assert box.token not in url
    assert world.client.get(url).content == b"rain's bytes"
    world.time.advance(world.settings.link_half_life_s)
    later = box.queue(**{"If-None-Match": first.headers["etag"]})
    assert later.status_code == 200
    assert later.json()["songs"][0]["file_url"] != url
    assert world.client.get(url).status_code == 200
    world.time.advance(world.settings.link_half_life_s)
    assert world.client.get(url).status_code == 403
    fresh = later.json()["songs"][0]["file_url"]
    assert world.client.get(fresh.replace("signature=", "signature=0")).json()["error"] == "bad_link"


def test_every_poll_counts_even_a_304_and_is_stored_later(world: World) -> None:
    staff, box = world.staff(), world.box()
    path = f"/api/admin/players/{box.player_id}"
    assert staff.get(path).json()["status"] == "offline"
    etag = box.queue().headers["etag"]
    world.time.advance(25)
    assert staff.get(path).json()["status"] == "online"
    assert box.queue(**{"If-None-Match": etag}).status_code == 304
    world.client.portal.call(world.services.flush_polls)
    assert world.read(players.find, box.player_id)["last_poll"].startswith("2027-01-15T08:00:25")
    world.time.advance(31)
    assert staff.get(path).json()["status"] == "offline"
    world.client.portal.call(world.services.flush_polls)
    assert world.read(players.find, box.player_id)["status"] == "offline"


def test_a_heartbeat_says_what_plays(world: World) -> None:
    rain, piano = world.song("Rain", RAIN), world.song("Piano", kind="instrumental")
    staff, box = world.staff(), world.box()
    path = f"/api/admin/players/{box.player_id}"
    reply = box.hears((rain, 0.8), (piano, 0.2), why=["rain for Heron"], a_field_of_tomorrow=1)
    assert set(reply) == {"server_time", "rev", "queue_rev", "kept"}
    shown = staff.get(path).json()
    assert (shown["status"], shown["current_song_id"]) == ("playing", piano)
    box.hears(audible=False, silent_on_purpose=True)
    shown = staff.get(path).json()
    assert (shown["status"], shown["current_song_id"]) == ("idle", None)


def test_another_servers_change_is_noticed(world: World) -> None:
    """Another process on the same database, as the seed is beside a running server."""
    from cloud_stub.database import Database
    from cloud_stub.tokens import new_token

    rain = world.song("Rain", RAIN)
    box = world.box()
    world.refresh()
    etag = box.queue().headers["etag"]
    other = Database(world.settings.database)
    other.open()
    token = new_token()
    with other.writing() as tx:
        queue.replace(tx, box.player_id, [], world.time.s)
        queue.set_rule(tx, box.player_id, rain, "ban", None, None, world.time.s)  # and it stays out of it
        players.add_token(tx, box.player_id, token, world.time.s)
        players.revoke_tokens(tx, box.player_id, world.time.s, keep_prefix=token.prefix)
    other.close()
    world.client.portal.call(world.services.look_elsewhere)
    assert box.queue().status_code == 401
    box.token = token.text
    assert box.queue(**{"If-None-Match": etag}).json()["songs"] == []


def test_a_queue_ranks_within_kinds_for_those_who_are_here(world: World) -> None:
    rain, sea, fire = world.song("Rain", RAIN), world.song("Sea", SEA), world.song("Fire", FIRE)
    box = world.box()
    phone = world.phone()
    world.check_in(phone, box)
    box.hears((fire, 1.0))
    assert phone.post("/api/votes", song_id=fire, vote_value=5).status_code == 200
    world.refresh()
    titles = [song["title"] for song in box.queue().json()["songs"]]
    assert titles[0] == "Fire"
    assert sorted(titles) == ["Fire", "Rain", "Sea"]
    assert {rain, sea, fire} == {song["id"] for song in box.queue().json()["songs"]}
