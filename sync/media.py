"""Audio files to the box: resumed where they broke off, verified, and never seen before they are whole."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from appliance.model import Song
from appliance.space import shortage
from appliance.store import Store
from sync.door import Door
from sync.errors import LinkDown, MediaError, NoSpace
from sync.partfile import PartFile, sha256_of

if TYPE_CHECKING:
    from appliance.house import HouseChoice

ATTEMPT_S = 120.0
MOST_CALLED_FOR = 1000
SUFFIXES = {".wav", ".flac", ".ogg", ".mp3", ".opus"}

Arrived = Callable[[int, int], float]

_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class Choice:
    """Which files to fetch next. What the house would play is ranked only when the queue's files are all here."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._house: HouseChoice | None = None

    def wanted(self, limit: int, *, called_for: bool = False) -> list[Song]:
        """Songs whose file is missing here: what is queued, pinned or placed, next first; then, unless only those
        are asked for, the house's own choice."""
        library = self._store.library
        songs = library.unprepared(limit, fetched=False, called_for=True)
        if called_for or len(songs) >= limit or not library.unprepared(limit, fetched=False):
            return songs
        first = {song.id for song in songs}
        rest = [song_id for song_id in self._house_order() if song_id not in first]
        return [*songs, *library.missing(rest, limit - len(songs))]

    def outstanding(self, *, called_for: bool = False) -> list[Song]:
        """All that is to be fetched, as far as it is known: the house is not ranked for this alone."""
        songs = self._store.library.unprepared(MOST_CALLED_FOR, fetched=False, called_for=True)
        if called_for or self._house is None:
            return songs
        return [*songs, *self._store.library.missing(self._house.order(), MOST_CALLED_FOR)]

    def _house_order(self) -> tuple[str, ...]:
        if self._house is None:
            from appliance.house import HouseChoice  # numpy: not before it is needed

            self._house = HouseChoice(self._store)
        return self._house.order()


def fetch(cloud: Door, song: Song, folder: Path, *, arrived: Arrived | None = None) -> Path:
    """Bring one song's file into `folder` and return its path; one attempt, resumed by the next.

    arrived: called with the bytes that are here and those that just came; returns the seconds that it waited,
    which do not count against the attempt. Raises LinkDown or NotAuthorised when nothing can be
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
        return part.accept(_receive(cloud, song, part, arrived or _go_on))
    except OSError as error:
        raise _disk_error(part, error) from error


def check_space(folder: Path, need_bytes: int) -> None:
    """Raise NoSpace unless, with `need_bytes` more, enough stays free for the database and its log."""
    missing = shortage(folder, need_bytes)
    if missing:
        raise NoSpace(f"{missing}: make room, or give the room a smaller library")


def _receive(cloud: Door, song: Song, part: PartFile, arrived: Arrived) -> str:
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
    with cloud.open_media(song.sha256, headers, song.file_url) as response:
        start = _start(response, have, etag, song.byte_size, part)
        receiver = part.receive(start, response.headers.get("etag", ""))
        try:
            for block in response.iter_bytes():
                receiver.write(block)
                give_up_at += arrived(receiver.have, len(block))
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


def _go_on(have: int, new: int) -> float:
    """Nobody asked for progress."""
    return 0.0
