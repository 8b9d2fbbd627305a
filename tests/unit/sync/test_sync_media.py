from __future__ import annotations

import errno
import http.server
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import httpx
import pytest
from sync_fake_cloud import FakeCloud, song_id

from appliance.errors import CosoundError
from appliance.model import Song
from appliance.store import Store
from mixer.scene import SongId
from sync.client import Cloud
from sync.errors import LinkDown, MediaError, NoSpace
from sync.media import Choice, fetch
from sync.partfile import Receiver
from sync.pull import pull_once

CONTENT = Random(5).randbytes(300_000)
SHA = sha256(CONTENT).hexdigest()
SONG = Song(SongId("s"), "Rain", "soundscape", sha256=SHA, byte_size=len(CONTENT), file_url="https://x/rain.FLAC?sig=1")
Answer = Callable[[httpx.Request], httpx.Response]


def cloud(answer: Answer) -> Cloud:
    return Cloud(httpx.Client(transport=httpx.MockTransport(answer), base_url="http://cloud"), "secret")


def whole(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=CONTENT, headers={"ETag": '"v1"'})


def ranged(request: httpx.Request, *, etag: str = '"v1"', status: int = 206) -> httpx.Response:
    start = int(request.headers["range"][6:-1])
    total = len(CONTENT)
    headers = {"ETag": etag, "Content-Range": f"bytes {start}-{total - 1}/{total}"}
    return httpx.Response(status, content=CONTENT[start:], headers=headers)


def cut_after(count: int, etag: str = '"v1"') -> Answer:
    def body() -> Iterator[bytes]:
        yield CONTENT[:count]
        raise httpx.ReadError("cut")

    return lambda _: httpx.Response(200, content=body(), headers={"ETag": etag})


def broken_off(folder: Path, at: int = 100_000, etag: str = '"v1"') -> None:
    with pytest.raises(LinkDown):
        fetch(cloud(cut_after(at, etag)), SONG, folder)


def test_a_file_arrives_whole_under_its_name_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    seen: list[int] = []

    def arrived(have: int, new: int) -> float:
        seen.append(have)
        return 0.0

    path = fetch(cloud(whole), SONG, tmp_path / "media", arrived=arrived)
    assert path.name == f"{SHA}.flac" and path.read_bytes() == CONTENT
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert seen[-1] == len(CONTENT) and seen == sorted(seen)


def test_an_interrupted_file_goes_on_where_it_broke_off(tmp_path: Path) -> None:
    broken_off(tmp_path)
    asked: list[httpx.Headers] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers)
        return ranged(request)

    assert fetch(cloud(answer), SONG, tmp_path).read_bytes() == CONTENT
    assert (asked[0]["range"], asked[0]["if-range"]) == ("bytes=100000-", '"v1"')


def test_a_range_is_recognised_by_what_it_says_not_by_its_status(tmp_path: Path) -> None:
    broken_off(tmp_path)
    assert fetch(cloud(lambda request: ranged(request, status=200)), SONG, tmp_path).read_bytes() == CONTENT


def test_a_store_that_ignores_the_range_sends_it_all_again(tmp_path: Path) -> None:
    broken_off(tmp_path)
    assert fetch(cloud(whole), SONG, tmp_path).read_bytes() == CONTENT


def test_a_weak_etag_does_not_vouch_for_a_range(tmp_path: Path) -> None:
    broken_off(tmp_path, etag='W/"v1"')
    asked: list[httpx.Headers] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers)
        return ranged(request)

    fetch(cloud(answer), SONG, tmp_path)
    assert "if-range" not in asked[0]


@pytest.mark.parametrize(
    "answer",
    [
        lambda request: ranged(request, etag='"v2"'),
        lambda _: httpx.Response(206, content=CONTENT, headers={"ETag": '"v1"', "Content-Range": "bytes 0-9/10"}),
        lambda _: httpx.Response(206, content=CONTENT[7:], headers={"Content-Range": "bytes 7-299999/300000"}),
        lambda _: httpx.Response(416),
    ],
)
def test_a_range_of_something_else_is_not_appended(tmp_path: Path, answer: Answer) -> None:
    broken_off(tmp_path)
    with pytest.raises(MediaError, match="afresh"):
        fetch(cloud(answer), SONG, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert fetch(cloud(whole), SONG, tmp_path).read_bytes() == CONTENT


def test_a_part_that_does_not_say_which_it_is_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="without saying which"):
        fetch(cloud(lambda _: httpx.Response(206, content=CONTENT)), SONG, tmp_path)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (CONTENT[:-1] + b"!", MediaError),
        (CONTENT + b"more", MediaError),
        (CONTENT[:1000], LinkDown),
        (b"", LinkDown),
    ],
)
def test_what_is_not_the_file_never_gets_its_name(tmp_path: Path, content: bytes, error: type[CosoundError]) -> None:
    with pytest.raises(error):
        fetch(cloud(lambda _: httpx.Response(200, content=content)), SONG, tmp_path)
    assert not (tmp_path / f"{SHA}.flac").exists()
    assert fetch(cloud(whole), SONG, tmp_path).read_bytes() == CONTENT


def test_a_flipped_bit_in_a_part_is_found_and_the_file_fetched_afresh(tmp_path: Path) -> None:
    broken_off(tmp_path)
    part = tmp_path / f"{SHA}.flac.part"
    part.write_bytes(b"\x00" + part.read_bytes()[1:])
    with pytest.raises(MediaError):
        fetch(cloud(ranged), SONG, tmp_path)
    assert fetch(cloud(whole), SONG, tmp_path).read_bytes() == CONTENT


def test_a_whole_part_needs_no_network(tmp_path: Path) -> None:
    (tmp_path / f"{SHA}.flac.part").write_bytes(CONTENT)
    assert fetch(cloud(lambda _: httpx.Response(500)), SONG, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("there", [0, 100_000, len(CONTENT)], ids=["nothing", "a part", "all"])
def test_a_file_is_on_disk_before_it_gets_its_name_and_its_name_before_it_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: int
) -> None:
    """Also one that a process wrote which was killed before it could say so."""
    (tmp_path / f"{SHA}.flac.part").write_bytes(CONTENT[:there])
    happened: list[str] = []
    sync, rename = os.fsync, Path.replace

    def fsync(fd: int) -> None:
        happened.append("synced " + Path(f"/proc/self/fd/{fd}").readlink().name[64:])
        sync(fd)

    def replace(self: Path, target: Path) -> Path:
        happened.append("renamed")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    fetch(cloud(ranged if 0 < there < len(CONTENT) else whole), SONG, tmp_path)
    assert happened == ["synced .flac.part", "renamed", "synced "]


def test_a_part_that_is_too_long_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / f"{SHA}.flac.part").write_bytes(CONTENT + b"tail")
    assert fetch(cloud(whole), SONG, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("there", [CONTENT, CONTENT[:-1]])
def test_a_file_that_is_there_is_believed_only_for_its_content(tmp_path: Path, there: bytes) -> None:
    (tmp_path / f"{SHA}.flac").write_bytes(there)
    asked: list[bool] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(True)
        return whole(request)

    assert fetch(cloud(answer), SONG, tmp_path).read_bytes() == CONTENT
    assert bool(asked) == (there != CONTENT)


@pytest.mark.parametrize("url", ["https://x/rain.exe", "https://x/rain", "", "https://x/../../etc/passwd.wav/x"])
def test_a_name_comes_from_the_hash_and_never_from_the_address(tmp_path: Path, url: str) -> None:
    song = Song(SongId("s"), "Rain", "soundscape", sha256=SHA, byte_size=len(CONTENT), file_url=url)
    assert fetch(cloud(whole), song, tmp_path) == tmp_path / SHA


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(
    ("total_gb", "free_mb", "fits"),
    [(2, 199, False), (2, 202, True), (16, 700, False), (16, 900, True), (1000, 2000, False), (1000, 2100, True)],
)
def test_a_nearly_full_disk_refuses_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, total_gb: int, free_mb: int, fits: bool
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(total_gb << 30, 0, free_mb << 20))
    asked: list[bool] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(True)
        return whole(request)

    if fits:
        fetch(cloud(answer), SONG, tmp_path)
    else:
        with pytest.raises(NoSpace, match="MB must stay"):
            fetch(cloud(answer), SONG, tmp_path)
    assert bool(asked) == fits


def test_a_disk_that_fills_up_gives_back_what_was_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Receiver, block: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Receiver, "write", full)
    with pytest.raises(NoSpace):
        fetch(cloud(whole), SONG, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_does_not_write_is_this_files_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Receiver, block: bytes) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Receiver, "write", broken)
    with pytest.raises(MediaError, match="look at the disk"):
        fetch(cloud(whole), SONG, tmp_path)


def test_the_next_in_the_queue_is_wanted_first_and_what_is_here_is_not(store: Store, fake: FakeCloud) -> None:
    for name in ("rain", "wind", "fire", "sea"):
        fake.put_song(name)
    pull_once(store, fake.cloud())
    store.room.replace_queue([song_id("sea"), song_id("wind")], rev="1")
    store.library.set_media(song_id("fire"), Path("/media/fire"))
    assert [song.title for song in Choice(store).wanted(64)] == ["sea", "wind", "rain"]


class Hostile(http.server.BaseHTTPRequestHandler):
    """Cuts, lies about ranges, swaps the object, flips bits; seeded."""

    rng = Random(11)
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None: ...

    def do_GET(self) -> None:
        mode = self.rng.choice(["fine", "cut", "cut", "cut", "swapped", "no range", "any range", "503", "flipped"])
        content = {"swapped": CONTENT[::-1], "flipped": b"\x00" + CONTENT[1:]}.get(mode, CONTENT)
        etag = '"other"' if mode == "swapped" else '"body"'
        start = self._start(mode, etag)
        self.send_response(503 if mode == "503" else 206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        body = b"" if mode == "503" else content[start:]
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if mode == "cut":
            body = body[: self.rng.randrange(len(body) + 1)]
            self.close_connection = True
        self.wfile.write(body)

    def _start(self, mode: str, etag: str) -> int:
        wanted_range, if_range = self.headers["Range"], self.headers["If-Range"]
        if not wanted_range or mode in ("no range", "503") or (if_range not in (None, etag) and mode != "any range"):
            return 0
        return int(wanted_range[6:-1])


@pytest.fixture
def hostile() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hostile) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_against_a_hostile_server_every_file_is_right_in_the_end(hostile: str, tmp_path: Path) -> None:
    attempts = 0
    with httpx.Client(base_url=hostile) as http_client:
        for number in range(20):
            folder = tmp_path / str(number)
            while not (folder / f"{SHA}.flac").exists():
                attempts += 1
                assert attempts < 1000
                try:
                    fetch(Cloud(http_client, "secret"), SONG, folder)
                except (LinkDown, MediaError):
                    continue
            assert (folder / f"{SHA}.flac").read_bytes() == CONTENT
            assert len(list(folder.iterdir())) == 1
    assert attempts > 30  # it was hostile
