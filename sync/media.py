"""Audio files to the box: resumed where they broke off, verified, and never seen before they are whole."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from time import monotonic
from urllib.parse import urlsplit

import httpx

from appliance.model import Song
from appliance.space import shortage
from appliance.store import Store
from sync.client import Cloud
from sync.errors import LinkDown, MediaError, NoSpace
from sync.partfile import PartFile, sha256_of

ATTEMPT_S = 120.0
SUFFIXES = {".wav", ".flac", ".ogg", ".mp3", ".opus"}

_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


def wanted(store: Store, limit: int = 64, *, called_for: bool = False) -> list[Song]:
    """Songs whose file is missing here, next in the queue first; or only those queued, pinned or placed."""
    return store.library.unprepared(limit, fetched=False, called_for=called_for)


def fetch(cloud: Cloud, song: Song, folder: Path, *, progress: Callable[[int], None] | None = None) -> Path:
    """Bring one song's file into `folder` and return its path; one attempt, resumed by the next.

    progress: called with the bytes that are here. Raises LinkDown or NotAuthorised when nothing can be
    fetched now, MediaError when this file cannot, NoSpace when the disk is too full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{song.sha256}{_suffix(song)}"
    if target.exists():
        if sha256_of(target) == song.sha256:
            return target
        target.unlink()
    part = PartFile(target, song.byte_size or None, song.sha256)
    try:
        check_space(folder, max(song.byte_size - part.have, 0))
        if part.is_whole():
            return part.accept(part.hash_part())
        return part.accept(_receive(cloud, song, part, progress or _ignore))
    except OSError as error:
        raise _disk_error(part, error) from error


def check_space(folder: Path, need_bytes: int) -> None:
    """Raise NoSpace unless, with `need_bytes` more, enough stays free for the database and its log."""
    missing = shortage(folder, need_bytes)
    if missing:
        raise NoSpace(f"{missing}: make room, or give the room a smaller library")


def _receive(cloud: Cloud, song: Song, part: PartFile, progress: Callable[[int], None]) -> str:
    have, etag = part.have, part.etag
    if song.byte_size and have > song.byte_size:
        part.forget()
        have, etag = 0, ""
    headers = {}
    if have:
        headers["Range"] = f"bytes={have}-"
        if etag:
            headers["If-Range"] = etag
    give_up_at = monotonic() + ATTEMPT_S
    with cloud.open_media(song.sha256, headers) as response:
        start = _start(response, have, etag, song.byte_size, part)
        receiver = part.receive(start, response.headers.get("etag", ""))
        try:
            for block in response.iter_bytes():
                receiver.write(block)
                progress(receiver.have)
                if monotonic() > give_up_at:
                    raise LinkDown(f"{song.title}: comes slowly; it goes on after what may be wanted sooner")
        except MediaError:
            receiver.close()
            part.forget()
            raise
        except BaseException:
            receiver.close()  # what has come is kept: the next attempt goes on from there
            raise
        digest = receiver.close()
    if song.byte_size and receiver.have < song.byte_size:
        raise LinkDown(f"{song.title}: broke off after {receiver.have} of {song.byte_size} bytes")
    return digest


def _start(response: httpx.Response, have: int, etag: str, size: int, part: PartFile) -> int:
    """At which byte this answer begins, judged by what it says of itself: stores answer 200 with a range, and
    206 although the object is another. Raises MediaError for a range that does not continue what we have."""
    if response.status_code == 416:
        part.forget()
        raise MediaError("the store has no such range of this file: it is fetched afresh")
    found = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
    if found is None:
        if response.status_code == 206:
            raise MediaError("the store sends a part of the file without saying which")
        return 0
    same = not etag or response.headers.get("etag", "") == etag
    fits = int(found[1]) == have and found[2] in (str(size), "*") if size else int(found[1]) == have
    if same and fits:
        return have
    part.forget()
    raise MediaError("the file changed while it was fetched: it is fetched afresh")


def _suffix(song: Song) -> str:
    """The suffix of the file's address, if it is one of sound; it is for people, no program reads it."""
    suffix = PurePosixPath(urlsplit(song.file_url).path).suffix.lower()
    return suffix if suffix in SUFFIXES else ""


def _disk_error(part: PartFile, error: OSError) -> NoSpace | MediaError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        part.forget()  # the database needs the room more
        return NoSpace(f"{part.target.parent}: the disk is full")
    return MediaError(f"{part.target.name}: cannot be written: {error.strerror}; look at the disk")


def _ignore(have: int) -> None:
    """Nobody asked for progress."""
