"""Audio over HTTP: in parts, resumed only while it is the same."""

from __future__ import annotations

from hashlib import sha256

import pytest
from cloud_world import RAIN, Box, World

DATA = bytes(range(256)) * 4
DIGEST = sha256(DATA).hexdigest()


@pytest.fixture
def box(world: World) -> Box:
    world.song("Rain", RAIN, data=DATA)
    return world.box()


def fetch(box: Box, **headers: str) -> object:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return box.client.get(f"/api/media/{DIGEST}", headers={**box.headers, **given})


def test_the_whole_file_says_how_to_go_on(box: Box) -> None:
    reply = box.client.get(f"/api/media/{DIGEST}", headers=box.headers)
    assert (reply.status_code, reply.content) == (200, DATA)
    assert reply.headers["accept-ranges"] == "bytes"
    assert reply.headers["content-length"] == str(len(DATA))
    assert DIGEST in reply.headers["etag"]


@pytest.mark.parametrize(("wanted", "first", "last"), [("100-", 100, 1023), ("0-9", 0, 9), ("-24", 1000, 1023)])
def test_a_part_is_a_part(box: Box, wanted: str, first: int, last: int) -> None:
    reply = box.client.get(f"/api/media/{DIGEST}", headers={**box.headers, "Range": f"bytes={wanted}"})
    assert (reply.status_code, reply.content) == (206, DATA[first : last + 1])
    assert reply.headers["content-range"] == f"bytes {first}-{last}/1024"
    assert reply.headers["content-length"] == str(last - first + 1)


def test_a_part_of_something_else_is_not_sent(box: Box) -> None:
    etag = box.client.get(f"/api/media/{DIGEST}", headers=box.headers).headers["etag"]
    same = {**box.headers, "Range": "bytes=1000-", "If-Range": etag}
    other = {**box.headers, "Range": "bytes=1000-", "If-Range": '"other"'}
    assert box.client.get(f"/api/media/{DIGEST}", headers=same).status_code == 206
    whole = box.client.get(f"/api/media/{DIGEST}", headers=other)
    assert (whole.status_code, whole.content) == (200, DATA)


def test_past_the_end_and_not_modified(box: Box) -> None:
    past = box.client.get(f"/api/media/{DIGEST}", headers={**box.headers, "Range": "bytes=5000-"})
    assert (past.status_code, past.headers["content-range"]) == (416, "bytes */1024")
    etag = past.headers["etag"]
    assert box.client.get(f"/api/media/{DIGEST}", headers={**box.headers, "If-None-Match": etag}).status_code == 304


def test_only_songs_of_the_room_are_given(world: World, box: Box) -> None:
    other = world.box("Bar")
    sea = world.song("Sea", RAIN, data=b"sea")
    staff = world.staff()
    world.client.request(
        "PUT", f"/api/admin/players/{other.player_id}/library", headers=staff.headers, json={"song_ids": [sea]}
    )
    assert world.client.get(f"/api/media/{DIGEST}", headers=other.headers).status_code == 404
    assert world.client.get(f"/api/media/{DIGEST}", headers=box.headers).status_code == 200


@pytest.mark.parametrize("name", ["..%2fcloud.db", "cloud.db", "%2e%2e", "a" * 64 + ".db", DIGEST])
def test_no_path_leads_out_of_the_folder(world: World, name: str) -> None:
    box = world.box()
    assert world.client.get(f"/api/media/{name}", headers=box.headers).status_code in (404, 422)
    assert world.client.get(f"/media/{name}?expires=99999999999&signature=aa").status_code in (403, 404)


def test_a_file_that_is_lost_is_not_found(world: World, box: Box) -> None:
    for path in world.settings.media_dir.iterdir():
        path.unlink()
    assert world.client.get(f"/api/media/{DIGEST}", headers=box.headers).status_code == 404
