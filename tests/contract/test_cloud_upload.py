"""From a file to a song that boxes fetch, and every way a file can be bad."""

from __future__ import annotations

import io
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
import soundfile
from cloud_world import Copy, Phone, World

RATE_HZ = 48_000
HAND = "0, 0.9, 0, 0.1, 0"


def audio(seconds: float = 1.0, format_: str = "WAV", level: float = 0.1, subtype: str | None = None) -> bytes:
    noise = np.random.default_rng(1).standard_normal((round(seconds * RATE_HZ), 2)) * level
    file = io.BytesIO()
    soundfile.write(file, np.clip(noise, -0.9, 0.9), RATE_HZ, format=format_, subtype=subtype)
    return file.getvalue()


def upload(staff: Phone, data: bytes, name: str = "sea.wav", **fields: str) -> Any:
    form = {"title": "The Sea", "type": "soundscape", "embedding": HAND, **fields}
    return staff.client.post(
        "/api/admin/songs", headers=staff.headers, data=form, files={"file": (name, data, "application/octet-stream")}
    )


def test_an_upload_is_a_song_that_a_box_can_fetch(world: World) -> None:
    staff, box, data = world.staff(), world.box(), audio(2.0)
    reply = upload(staff, data, artist="Nobody")
    assert reply.status_code == 201
    song = reply.json()
    assert song["sha256"] == sha256(data).hexdigest()
    assert (song["embedding"], song["embedding_source"]) == ([0, 0.9, 0, 0.1, 0], "hand")
    assert (song["duration"], song["byte_size"], song["artist"]) == (2.0, len(data), "Nobody")
    assert -25 < song["loudness_lufs"] < -10
    assert staff.get(f"/api/admin/songs/{song['id']}").json() == song
    assert staff.get("/api/admin/songs").json() == [song]
    fetched = world.client.get(f"/api/media/{song['sha256']}", headers=box.headers)
    assert (fetched.status_code, fetched.content) == (200, data)
    copy = Copy(box)
    copy.sync()
    assert copy.table("songs")[song["id"]]["title"] == "The Sea"
    world.refresh()
    (queued,) = box.queue().json()["songs"]
    assert world.client.get(queued["file_url"]).content == data


def test_the_model_listens_when_nobody_says(world: World) -> None:
    from ml.synth import render

    file = io.BytesIO()
    soundfile.write(file, render("rain", seconds=12.0), RATE_HZ, format="FLAC")
    song = upload(world.staff(), file.getvalue(), "rain.flac", embedding="").json()
    assert song["embedding_source"] == "model"
    assert int(np.argmax(song["embedding"])) == 0
    assert song["confidence"] >= 0.5


def test_an_instrumental_is_neutral_unless_set_by_hand(world: World) -> None:
    staff = world.staff()
    tune = upload(staff, audio(1.5), type="instrumental", embedding="").json()
    assert (tune["embedding"], tune["embedding_source"]) == (None, "neutral")
    by_hand = upload(staff, audio(1.7), type="instrumental").json()
    assert by_hand["embedding_source"] == "hand"


@pytest.mark.parametrize(
    ("name", "format_", "subtype"),
    [
        ("a.flac", "FLAC", None),
        ("a.ogg", "OGG", "VORBIS"),
        ("a.opus", "OGG", "OPUS"),
        ("a.mp3", "MP3", None),
        ("A.WAV", "WAV", None),
    ],
)
def test_every_kind_of_file_we_play(world: World, name: str, format_: str, subtype: str | None) -> None:
    reply = upload(world.staff(), audio(1.0, format_, subtype=subtype), name)
    assert reply.status_code == 201, reply.text


@pytest.mark.parametrize(
    ("data", "name", "fields", "says"),
    [
        (b"", "sea.wav", {}, "empty"),
        (b"this is no sound at all" * 50, "sea.wav", {}, "cannot be read"),
        (audio()[:60], "sea.wav", {}, "only 0.00 s|cannot be read"),
        (audio(format_="FLAC"), "sea.wav", {}, "holds FLAC"),
        (audio(), "sea.mp3", {}, "holds WAV"),
        (audio(), "sea.exe", {}, "only wav"),
        (audio(), "sea", {}, "only wav"),
        (audio(level=0.0), "sea.wav", {}, "silent"),
        (audio(0.1), "sea.wav", {}, "0.10 s"),
        (audio(), "sea.wav", {"type": "podcast"}, "type"),
        (audio(), "sea.wav", {"title": " "}, "title"),
        (audio(), "sea.wav", {"embedding": "1,2,3"}, "embedding"),
        (audio(), "sea.wav", {"embedding": "1,2,3,4,nan"}, "embedding"),
        (audio(), "sea.wav", {"embedding": "a,b,c,d,e"}, "embedding"),
    ],
)
def test_a_bad_file_gets_one_clear_line_and_nothing_is_kept(
    world: World, data: bytes, name: str, fields: dict[str, str], says: str
) -> None:
    staff = world.staff()
    reply = upload(staff, data, name, **fields)
    assert reply.status_code == 422
    message = reply.json()["message"]
    assert "\n" not in message
    assert any(part in message for part in says.split("|")), message
    assert staff.get("/api/admin/songs").json() == []
    media = world.settings.media_dir
    assert not media.exists() or list(media.iterdir()) == []


def test_a_file_name_from_elsewhere_is_only_a_name(world: World) -> None:
    reply = upload(world.staff(), audio(), "../../../etc/passwd.wav")
    assert reply.status_code == 201
    assert [path.name for path in world.settings.media_dir.iterdir()] == [f"{reply.json()['sha256']}.wav"]


def test_the_same_file_twice_is_told(world: World) -> None:
    staff, data = world.staff(), audio()
    song_id = upload(staff, data).json()["id"]
    again = upload(staff, data, title="Other")
    assert again.status_code == 409
    assert song_id in again.json()["message"]


def test_a_removed_song_is_gone_everywhere_and_may_come_back(world: World) -> None:
    staff, box, data = world.staff(), world.box(), audio()
    song = upload(staff, data).json()
    copy = Copy(box)
    copy.sync()
    path = f"/api/admin/songs/{song['id']}"
    assert world.client.request("DELETE", path, headers=staff.headers).status_code == 204
    assert world.client.request("DELETE", path, headers=staff.headers).status_code == 404
    assert staff.get(path).status_code == 404
    assert box.queue().json()["songs"] == []
    assert world.client.get(f"/api/media/{song['sha256']}", headers=box.headers).status_code == 404
    copy.sync()
    assert copy.table("songs") == {}
    assert upload(staff, data).status_code == 201


def test_too_large_is_refused_before_it_is_read(world: World) -> None:
    staff = world.staff()
    headers = {**staff.headers, "Content-Length": str(10**12), "Content-Type": "multipart/form-data; boundary=x"}
    reply = world.client.post("/api/admin/songs", headers=headers, content=b"--x--")
    assert (reply.status_code, reply.json()["error"]) == (413, "too_large")


def test_a_large_json_is_refused(world: World) -> None:
    phone = world.phone()
    reply = world.client.post("/api/votes", headers=phone.headers, json={"song_id": "x" * 2_000_000})
    assert (reply.status_code, reply.json()["error"]) == (413, "too_large")
    deep = "[" * 10_000 + "]" * 10_000
    headers = {**phone.headers, "Content-Type": "application/json"}
    assert 400 <= world.client.post("/api/votes", headers=headers, content=deep).status_code < 500
