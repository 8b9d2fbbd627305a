"""`cosound add` through the cloud's door: the same files, the same words."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import httpx
import pytest
from cloud_world import Copy, World

from appliance.errors import SetupError, TransientError
from appliance.music.adding import Adding
from appliance.music.study import study
from appliance.music.upload import Upload
from cloud_stub.repositories import logins
from tests.music import Made, bad_folder, sound, write

EMAIL, PASSWORD = "admin@venue.example", "a long enough password"


class Bridge(httpx.BaseTransport):
    """Carries a plain client's requests into the world's app."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        ask = partial(
            self._world.client.request, request.method, request.url.raw_path.decode(),
            content=request.read(), headers=dict(request.headers),
        )  # fmt: skip
        reply = ask()
        return httpx.Response(reply.status_code, headers={"Content-Type": "application/json"}, content=reply.content)


def log_in(world: World, *, role: str | None = "admin", password: str = PASSWORD) -> Upload:
    reply = world.client.post("/auth/v1/signup", json={"email": EMAIL, "password": PASSWORD})
    headers = {"Authorization": f"Bearer {reply.json()['access_token']}"}
    if role:
        world.write(logins.grant, world.client.get("/api/me", headers=headers).json()["id"], role)
    return Upload.log_in("http://cloud.test", EMAIL, password, httpx.Client(transport=Bridge(world)))


def test_ones_own_files_become_songs_of_the_room(world: World, tmp_path: Path) -> None:
    box = world.box()
    write(tmp_path, Made("02 - harbour_bell.ogg", format="OGG", subtype="VORBIS"), sound(1, 44_100, 2, 1.0))
    write(tmp_path, Made("piano.mp3", tags={"title": "Étude", "artist": "Ida"}), sound(2, 44_100, 2, 1.0))
    bad = bad_folder(tmp_path / "bad")
    for path in bad.iterdir():
        if path.name not in ("silent.flac", "cut.mp3", "cover.jpg"):
            path.unlink()
    adding = Adding(log_in(world), study=study)
    assert [result.line() for result in adding.add([tmp_path])] == [
        "added: Harbour bell (soundscape, 0:01)",
        "added: Étude (instrumental, 0:01)",
        "refused: bad/cover.jpg: ends in .jpg, which is not played here; save it as WAV, FLAC, OGG, MP3 or Opus",
        "refused: bad/cut.mp3: is cut short: 0:02 of 0:04 are there; copy it again",
        "refused: bad/silent.flac: is silent; choose a file with sound in it",
    ]
    copy = Copy(box)
    copy.sync()
    rows = {row["title"]: row for row in copy.table("songs").values()}
    assert {title: (row["type"], row["artist"]) for title, row in rows.items()} == {
        "Harbour bell": ("soundscape", None), "Étude": ("instrumental", "Ida"),
    }  # fmt: skip
    assert rows["Étude"]["file_url"].endswith(".wav"), "named by what it holds"
    again = Adding(log_in_again(world), study=study)
    assert [result.word for result in again.add([tmp_path])][:2] == ["already there"] * 2


def log_in_again(world: World) -> Upload:
    return Upload.log_in("http://cloud.test", EMAIL, PASSWORD, httpx.Client(transport=Bridge(world)))


def test_a_wrong_password_and_a_guest_are_told_so(world: World) -> None:
    with pytest.raises(SetupError, match=r"does not know .* with this password"):
        log_in(world, role=None, password="another long password")
    with pytest.raises(SetupError, match="is not staff"):
        log_in_again(world)


def test_what_only_the_cloud_refuses_is_said_in_its_words(world: World, tmp_path: Path) -> None:
    door = log_in(world)
    path = write(tmp_path, Made("sea.wav"), sound(1, 44_100, 2, 1.0))

    def careless(source: Path, target: Path | None, progress: object) -> object:
        found = study(source, target, lambda share: None)
        source.write_bytes(b"no sound any more")
        return found

    (result,) = Adding(door, study=careless).add([path])  # type: ignore[arg-type]
    assert result.line() == "refused: sea.wav: cannot be read as audio: export it again and upload that"


def test_a_cloud_that_went_away_ends_the_run() -> None:
    gone = httpx.MockTransport(lambda request: httpx.Response(502, text="<html>bad gateway</html>"))
    with pytest.raises(TransientError, match="answers 502; try again later"):
        Upload.log_in("http://cloud.test", EMAIL, PASSWORD, httpx.Client(transport=gone))
    portal = httpx.MockTransport(lambda request: httpx.Response(200, text="<html>please pay</html>"))
    with pytest.raises(TransientError, match="is not the cloud"):
        Upload.log_in("http://cloud.test", EMAIL, PASSWORD, httpx.Client(transport=portal))
