"""How much of the library is kept on the disk, and what goes when it is too much."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.model import Song
from appliance.store import Store

log = logging.getLogger(__name__)

MAX_FILES = 200
MAX_PREPARED = 64
MAX_PREPARED_BYTES = 8 << 30
MAX_PREPARED_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be kept: files as they came, prepared ones, and the bytes of the latter."""

    files: int
    prepared: int
    prepared_bytes: int


def limits_for(folder: Path) -> Limits:
    """The limits on the disk that holds `folder` (or will: what is not there yet is made)."""
    folder.mkdir(parents=True, exist_ok=True)
    total = shutil.disk_usage(folder).total
    return Limits(MAX_FILES, MAX_PREPARED, int(min(MAX_PREPARED_BYTES, total * MAX_PREPARED_SHARE)))


def may_fetch_more(store: Store, limits: Limits) -> bool:
    """Whether files are fetched that nobody calls for yet."""
    return store.library.fetched_count() < limits.files


def may_prepare_more(store: Store, limits: Limits) -> bool:
    """Whether songs are prepared that nobody calls for yet."""
    return store.library.ready_count() < limits.prepared and _prepared_bytes(store) < limits.prepared_bytes * 0.9


def make_room(store: Store, limits: Limits, sounding: Collection[str]) -> int:
    """Bring the cache below its limits; how many files went. Never one that sounds, is queued or is pinned.

    The row goes before the file, so that no row names a file that is gone; who has it open plays on.
    """
    idle = [song for song in store.library.idle() if song.id not in sounding]
    too_many = store.library.ready_count() - limits.prepared
    too_large = _prepared_bytes(store) - limits.prepared_bytes
    gone = 0
    for song in _to_give_up(idle, too_many, too_large):
        store.library.set_ready(song.id, None)
        gone += _remove(store, song.pcm_path)
    again = [song for song in idle if song.media_path and not song.local]  # these can be fetched again
    for song in again[: max(store.library.fetched_count() - limits.files, 0)]:
        store.library.set_media(song.id, None)
        gone += _remove(store, song.media_path)
    return gone


def make_way(store: Store, need_bytes: int, sounding: Collection[str]) -> int:
    """The disk is full and a file is called for: give up others that nobody calls for, the longest unheard first,
    until as much is free; how many bytes went. What a person put here is never given up: it cannot come again."""
    freed = 0
    for song in store.library.idle():
        if freed >= need_bytes:
            break
        if song.id in sounding or song.local:
            continue
        freed += sum(_size(Path(path)) for path in (song.pcm_path, song.media_path) if path)
        store.library.set_ready(song.id, None)
        store.library.set_media(song.id, None)
        for path in (song.pcm_path, song.media_path):
            _remove(store, path)
    return freed


def _to_give_up(idle: Sequence[Song], too_many: int, too_large: int) -> list[Song]:
    chosen = []
    for song in idle:
        if too_many <= 0 and too_large <= 0:
            break
        if song.pcm_path is not None:
            chosen.append(song)
            too_many -= 1
            too_large -= _size(Path(song.pcm_path))
    return chosen


def _remove(store: Store, path: str | None) -> int:
    """Remove a file, unless another song's row names it too."""
    named = {name for song in store.library.with_files() for name in (song.media_path, song.pcm_path)}
    if path is None or path in named:
        return 0
    Path(path).unlink(missing_ok=True)
    return 1


def _prepared_bytes(store: Store) -> int:
    paths = {song.pcm_path for song in store.library.with_files() if song.pcm_path}
    return sum(_size(Path(path)) for path in paths)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
