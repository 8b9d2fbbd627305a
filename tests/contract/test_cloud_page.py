"""The room's page: whole by itself, and honest about the room."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from cloud_world import RAIN, World

NOWHERE = "00000000-0000-4000-8000-000000000001"


class Page(HTMLParser):
    """What a page loads, and which buttons have no words for a screen reader."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.votes: list[str] = []
        self.attributes: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.attributes += given
        self.loads += [value for name in ("src", "href") if (value := given.get(name))]
        if "data-vote" in given:
            self.votes.append(given.get("aria-label") or "")


def test_a_room_says_what_sounds_and_why(world: World) -> None:
    rain, piano, box = world.song("Rain", RAIN), world.song("Piano", kind="instrumental"), world.box()
    path = f"/api/rooms/{box.player_id}"
    assert world.client.get(path).json() == {"name": "Lobby", "here": 0, "status": "offline", "layers": [], "why": []}
    world.check_in(world.phone(), box)
    box.hears((piano, 0.25), (rain, 0.75), why=["rain: Heron loves it"])
    assert world.client.get(path).json() == {
        "name": "Lobby",
        "here": 1,
        "status": "playing",
        "layers": [
            {"song_id": rain, "title": "Rain", "type": "soundscape", "share": 0.75},
            {"song_id": piano, "title": "Piano", "type": "instrumental", "share": 0.25},
        ],
        "why": ["rain: Heron loves it"],
    }
    world.time.advance(31)
    assert world.client.get(path).json()["layers"] == []


def test_the_page_needs_nothing_from_elsewhere(world: World) -> None:
    box = world.box()
    reply = world.client.get(f"/r/{box.player_id}")
    assert reply.status_code == 200
    assert "default-src 'self'" in reply.headers["content-security-policy"]
    page = Page(reply.text)
    assert page.loads == ["data:,", "/web/room.css", "/web/words.js", "/web/login.js", "/web/room.js"]
    for path in page.loads[1:]:
        loaded = world.client.get(path)
        assert loaded.status_code == 200
        assert not re.search(r"https?://|//[a-z]", loaded.text)
    assert not [name for name in page.attributes if name.startswith("on") or name == "style"]


def test_five_faces_with_words(world: World) -> None:
    page = Page(world.client.get(f"/r/{world.box().player_id}").text)
    assert [label[:6] for label in page.votes] == [f"{n} of 5" for n in range(1, 6)]


def test_a_room_that_is_none_is_said_kindly(world: World) -> None:
    assert "no room" in world.client.get(f"/r/{NOWHERE}").text
    assert world.client.get(f"/r/{NOWHERE}").status_code == 404
    assert world.client.get(f"/api/rooms/{NOWHERE}").json()["error"] == "unknown_room"
    assert world.client.get("/api/rooms/lobby").status_code == 422
    assert world.client.get("/web/..%2fapp.py").status_code == 404
    assert world.client.get("/web/secret").status_code == 404


def test_the_server_says_how_it_is(world: World) -> None:
    world.time.advance(12)
    answer = world.client.get("/health")
    assert answer.json() == {
        "ok": True, "database": True, "storage": True, "ranking": True, "queue_age_s": 12.0, "waiting": 0,
    }  # fmt: skip
    world.time.advance(4 * world.settings.refresh_s)
    ill = world.client.get("/health")
    assert (ill.status_code, ill.json()["ok"], ill.json()["ranking"]) == (503, False, False)
    world.refresh()
    assert world.client.get("/health").status_code == 200
    world.settings.media_dir.rmdir()
    world.settings.media_dir.touch()
    ill = world.client.get("/health")
    assert (ill.status_code, ill.json()["ok"], ill.json()["storage"]) == (503, False, False)


def test_a_broken_database_is_said_with_when_to_come_back(world: World) -> None:
    box = world.box()
    world.write(lambda tx: tx.run("drop table player_tokens"))
    world.write(lambda tx: tx.run("drop table roles"))
    polled = box.queue()
    assert (polled.status_code, polled.json()["success"]) == (503, False)
    other = world.client.get("/api/sync/v1/pull", headers=box.headers)
    assert (other.status_code, other.headers["retry-after"]) == (503, "5")
    assert "roles" not in other.text
