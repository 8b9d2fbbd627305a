"""From a bucket to a box, nothing faked: the server's own process, a store that checks signatures, the box's sync."""

from __future__ import annotations

import io
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from real_server import COSOUND, serving
from s3_servers import Store, rclone

from appliance.model import Song
from sync import media
from sync.client import Cloud
from sync.http import open_http
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.processes


class CableOut(Exception):
    """The line breaks in the middle of a file."""


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with rclone() as made:
        yield made


def environment(store: Store) -> dict[str, str]:
    bucket = store.bucket
    names = {
        "AWS_STORAGE_BUCKET_NAME": bucket.name,
        "AWS_ACCESS_KEY_ID": str(bucket.key_id),
        "AWS_SECRET_ACCESS_KEY": str(bucket.secret),
        "AWS_S3_ENDPOINT_URL": str(bucket.endpoint),
    }
    return {**os.environ, **names}


def an_hour_of_rain() -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(0).standard_normal((480_000, 2)) * 0.1
    soundfile.write(file, noise, 48_000, format="WAV", subtype="PCM_24")
    return file.getvalue()


def test_a_song_comes_from_the_bucket_and_goes_on_where_the_line_broke(store: Store, tmp_path: Path) -> None:
    env, data = environment(store), an_hour_of_rain()
    seed = [*COSOUND, "seed", "--data", str(tmp_path / "cloud"), "--no-starter", "--listeners", "1", "--json"]
    found = json.loads(subprocess.run(seed, env=env, capture_output=True, text=True, check=True).stdout)
    with serving(tmp_path / "cloud", **env) as server:
        song = uploaded(server.url, found["admin"], data)
        asked: list[Seen] = []
        http = open_http(server.url)
        http.event_hooks["response"] = [lambda answer: asked.append(Seen.of(answer))]
        cloud = Cloud(http, found["room"]["token"])
        with pytest.raises(CableOut):
            media.fetch(cloud, song, tmp_path / "box", arrived=break_at(len(data) // 3))
        path = media.fetch(cloud, song, tmp_path / "box")
        cloud.close()
    assert path.read_bytes() == data
    led, began, led_again, went_on = asked
    assert (led.status, led_again.status) == (302, 302)
    assert {began.host, went_on.host} == {httpx.URL(str(store.bucket.endpoint)).netloc.decode()}
    assert {began.status, went_on.status} <= {200, 206}, "rclone says 200 of a part, too"
    assert began.range == ""
    assert int(went_on.range.removeprefix("bytes=").removesuffix("-")) >= len(data) // 3
    assert went_on.if_range.startswith('"')


@dataclass(frozen=True)
class Seen:
    """What the box asked, and what it was answered. Its token goes to the cloud alone."""

    host: str
    range: str
    if_range: str
    status: int

    @classmethod
    def of(cls, answer: httpx.Response) -> Seen:
        url, headers = answer.request.url, answer.request.headers
        assert ("x-api-key" in headers) == url.path.startswith("/api/")
        return cls(url.netloc.decode(), headers.get("range", ""), headers.get("if-range", ""), answer.status_code)


def break_at(most: int) -> media.Arrived:
    def arrived(have: int, _: int) -> float:
        if have >= most:
            raise CableOut
        return 0.0

    return arrived


def uploaded(url: str, admin: dict[str, str], data: bytes) -> Song:
    token = httpx.post(f"{url}/auth/v1/token", params={"grant_type": "password"}, json=admin).json()["access_token"]
    fields = {"title": "Rain", "type": "soundscape", "embedding": "1,0,0,0,0"}
    row: dict[str, Any] = httpx.post(
        f"{url}/api/admin/songs", headers={"Authorization": f"Bearer {token}"}, data=fields,
        files={"file": ("rain.wav", data)}, timeout=PATIENCE_S,
    ).raise_for_status().json()  # fmt: skip
    return Song(
        id=row["id"], title=row["title"], kind=row["type"], sha256=row["sha256"], byte_size=row["byte_size"],
        file_url=row["file_url"],
    )  # fmt: skip
