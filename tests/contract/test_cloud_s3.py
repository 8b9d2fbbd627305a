"""Files in a bucket: kept by the cloud, fetched by boxes with links that end, and every refusal with its cure."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from cloud_world import World, cloud_world, settings_in
from s3_servers import Store, bucket_at, moto, rclone

from appliance.demo.ports import free_port
from cloud_stub.check import examine
from cloud_stub.errors import StorageError
from cloud_stub.storage.bucket import Bucket
from cloud_stub.storage.s3 import S3Storage

HALF_LIFE_S = 3600.0


@pytest.fixture(scope="module")
def strict() -> Iterator[Store]:
    with rclone() as store:
        yield store


@pytest.fixture(scope="module")
def lenient() -> Iterator[Store]:
    with moto() as store:
        yield store


@pytest.fixture(params=["strict", "lenient"])
def store(request: pytest.FixtureRequest) -> Store:
    found: Store = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def world(folder: Path, store: Store) -> Iterator[World]:
    with cloud_world(folder, bucket=store.bucket) as made:
        yield made


def a_file(folder: Path, content: bytes) -> tuple[str, Path]:
    path = folder / "a file"
    path.write_bytes(content)
    return f"{sha256(content).hexdigest()}.wav", path


def audio(seconds: float = 1.0) -> bytes:
    file = io.BytesIO()
    rng = np.random.default_rng(round(seconds * 1000))
    soundfile.write(file, rng.standard_normal(round(seconds * 48_000)) * 0.1, 48_000, format="WAV")
    return file.getvalue()


def upload(world: World, data: bytes) -> httpx.Response:
    fields = {"title": "The Sea", "type": "soundscape", "embedding": "0,1,0,0,0"}
    return world.client.post(
        "/api/admin/songs", headers=world.staff().headers, data=fields, files={"file": ("sea.wav", data)}
    )


def test_an_uploaded_file_is_where_the_song_says_and_reaches_the_box_by_a_link(world: World) -> None:
    data = audio()
    song = upload(world, data).json()
    bucket = world.settings.bucket
    assert bucket is not None
    assert song["sha256"] == sha256(data).hexdigest()
    assert song["file_url"] == f"{bucket.endpoint}/{bucket.name}/sounds/{song['sha256']}.wav"
    assert httpx.get(song["file_url"]).status_code in (400, 403), "a place, not a permission"
    assert not world.settings.media_dir.exists()
    box = world.box()
    led = world.client.get(f"/api/media/{song['sha256']}", headers=box.headers)
    assert (led.status_code, led.content, led.headers["cache-control"]) == (302, b"", "no-store")
    answer = httpx.get(led.headers["location"])
    assert (answer.content, answer.headers["content-type"]) == (data, "audio/wav")
    assert box.token not in led.headers["location"]
    assert world.settings.secret_key not in led.headers["location"]
    other = world.client.get(f"/api/media/{'0' * 64}", headers=box.headers)
    assert other.status_code == 404


def test_the_queues_links_are_the_stores_own_and_renewed_at_half_their_life(world: World) -> None:
    data = audio()
    upload(world, data)
    box = world.box()
    world.refresh()
    first = box.queue()
    (song,) = first.json()["songs"]
    assert httpx.get(song["file_url"]).content == data
    assert "X-Amz-Expires=7200" in song["file_url"]
    assert box.queue(**{"If-None-Match": first.headers["etag"]}).status_code == 304
    world.time.advance(HALF_LIFE_S)
    later = box.queue(**{"If-None-Match": first.headers["etag"]})
    assert (later.status_code, later.headers["etag"] != first.headers["etag"]) == (200, True)
    assert httpx.get(later.json()["songs"][0]["file_url"]).content == data


def test_a_link_stays_the_same_within_a_step_and_is_made_anew_in_the_next(strict: Store, monkeypatch: Any) -> None:
    storage, name = S3Storage(strict.bucket, HALF_LIFE_S), f"{'a' * 64}.wav"
    first = storage.link(name, 1)
    at = datetime.now(UTC) + timedelta(hours=1)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: at)
    assert storage.link(name, 1) == first
    assert storage.link(name, 2) != first


def test_a_part_is_sent_and_an_other_file_whole_is_not_called_a_part(world: World) -> None:
    data = audio()
    song = upload(world, data).json()
    link = world.client.get(f"/api/media/{song['sha256']}", headers=world.box().headers).headers["location"]
    etag = httpx.get(link).headers["etag"]
    part = httpx.get(link, headers={"Range": "bytes=1000-", "If-Range": etag})
    assert part.content == data[1000:]
    assert part.headers["content-range"] == f"bytes 1000-{len(data) - 1}/{len(data)}"
    assert httpx.get(link, headers={"Range": f"bytes={len(data)}-"}).status_code == 416


def test_the_same_file_again_is_not_sent_again(store: Store, folder: Path) -> None:
    storage, (name, path) = S3Storage(store.bucket, HALF_LIFE_S), a_file(folder, b"rain" * 100)
    storage.put(name, path)
    was = httpx.get(storage.link(name, 1)).headers["last-modified"]
    storage.put(name, path)
    assert httpx.get(storage.link(name, 1)).headers["last-modified"] == was
    with pytest.raises(FileNotFoundError):
        storage.put("../../etc/passwd", path)


def test_a_large_file_is_never_whole_in_memory(lenient: Store, folder: Path) -> None:
    storage, (name, path) = S3Storage(lenient.bucket, HALF_LIFE_S), a_file(folder, bytes(48 << 20))
    storage.check()  # what is loaded once is loaded
    tracemalloc.start()
    storage.put(name, path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 16 << 20, "four parts at a time, each read in pieces of a megabyte or two"
    with httpx.stream("GET", storage.link(name, 1)) as answer:
        assert int(answer.headers["content-length"]) == 48 << 20


def test_a_link_that_is_over_or_was_changed_opens_nothing(strict: Store, folder: Path, monkeypatch: Any) -> None:
    storage, (name, path) = S3Storage(strict.bucket, HALF_LIFE_S), a_file(folder, b"rain")
    other, second = a_file(folder, b"sea")
    for key, file in ((name, path), (other, second)):
        storage.put(key, file)
    link = storage.link(name, 1)
    assert httpx.get(link.replace(name, other)).status_code == 403
    assert httpx.get(link.replace("X-Amz-Expires=7200", "X-Amz-Expires=9999")).status_code == 403
    long_ago = datetime.now(UTC) - timedelta(hours=2, minutes=1)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: long_ago)
    assert httpx.get(storage.link(name, 2)).status_code in (400, 403)


def test_where_all_is_well_the_check_says_so_and_leaves_nothing(store: Store, folder: Path) -> None:
    found = {finding.what: finding for finding in examine(replace(settings_in(folder), bucket=store.bucket), {})}
    assert (found["storage"].ok, found["storage"].says) == (True, store.bucket.label)
    client = S3Storage(store.bucket, HALF_LIFE_S)._client
    listed = client.list_objects_v2(Bucket=store.bucket.name, Prefix="sounds/.proof")
    assert listed.get("Contents", []) == []


@pytest.mark.parametrize(
    ("over", "cure"),
    [
        ({"key_id": "another-key"}, "AWS_ACCESS_KEY_ID"),
        ({"secret": "another secret"}, "AWS_SECRET_ACCESS_KEY"),
        ({"name": "no-such-bucket"}, "AWS_STORAGE_BUCKET_NAME"),
        ({"endpoint": "http://127.0.0.1:9"}, "AWS_S3_ENDPOINT_URL"),
    ],
)
def test_what_is_wrong_with_the_bucket_is_one_line_with_its_cure(
    strict: Store, folder: Path, over: dict[str, str], cure: str
) -> None:
    bucket = replace(strict.bucket, **over)
    findings = list(examine(replace(settings_in(folder), bucket=bucket), {}))
    (wrong,) = [finding for finding in findings if not finding.ok and finding.what == "storage"]
    assert cure in wrong.says
    assert bucket.label in wrong.says
    assert "\n" not in str(wrong)
    assert str(bucket.secret) not in str(wrong)


def test_a_store_that_is_gone_is_said_to_staff_and_nothing_is_half_done(folder: Path) -> None:
    gone = bucket_at(f"http://127.0.0.1:{free_port()}")
    with cloud_world(folder, bucket=gone) as world:
        reply = upload(world, audio())
        assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")
        assert "AWS_S3_ENDPOINT_URL" in reply.json()["message"]
        assert world.client.get("/api/admin/songs", headers=world.staff().headers).json() == []
        health = world.client.get("/health")
        assert (health.status_code, health.json()["storage"], health.json()["database"]) == (503, False, True)


def test_how_the_store_is_is_asked_at_most_every_few_seconds(folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("cloud_stub.storage.s3.time.monotonic", lambda: now_s[0])
    now_s = [100.0]
    with rclone() as store:
        storage = S3Storage(store.bucket, HALF_LIFE_S)
        storage.check()
    storage.check()
    now_s[0] += 11
    with pytest.raises(StorageError, match="does not answer"):
        storage.check()
    with pytest.raises(StorageError):
        storage.check()


def test_a_bucket_never_shows_its_secret() -> None:
    bucket = Bucket("sounds", key_id="id", secret="a secret")
    assert "a secret" not in f"{bucket} {bucket!r} {bucket.label}"
