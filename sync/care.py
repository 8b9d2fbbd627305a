"""Looks at every file that is here, over and over, a little at a time: a card forgets bits without a word."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from appliance.model import Song
from appliance.store import Store
from mixer.pcm import PcmError, PcmWithoutSums, check_samples
from sync.errors import MediaError
from sync.idle_disk import forget_pages, idle_disk
from sync.partfile import check_file
from sync.prepare import give_up_original

log = logging.getLogger(__name__)

EVERY_S = 1.0
FILES_AT_ONCE = 3  # of a megabyte at most each
AGAIN_S = 86_400.0
REST_S = 60.0
SOUNDS_FOR_S = 600.0  # a file that sounds and cannot be made anew is looked at again by then

Anew = Callable[[Store, Song], bool]


@dataclass(frozen=True, slots=True)
class Look:
    """One file that is being read."""

    song: Song
    path: Path
    steps: Iterator[None]

    @property
    def is_cache(self) -> bool:
        return str(self.path) == self.song.pcm_path


class Care:
    """Each file once a day, the ones that were never looked at first.

    What is damaged is made anew: the cache file from the original, beside the one that sounds; the original from the
    cloud. Nothing that sounds is taken away.
    """

    def __init__(self, anew: Anew, sounding: Callable[[Store], set[str]]) -> None:
        """anew: makes a song's cache file again from its original, in the place of the one there; False if not."""
        self._anew = anew
        self._sounding = sounding
        self._seen_s: dict[Path, float] = {}
        self._look: Look | None = None
        self._due_s = float("-inf")

    def step(self, store: Store) -> None:
        """A megabyte or so, once a second."""
        now_s = store.clock.boot_s()
        if now_s < self._due_s:
            return
        self._due_s = now_s + EVERY_S
        for _ in range(FILES_AT_ONCE):
            self._look = self._look or self._begin(store, now_s)
            if self._look is None:
                self._due_s = now_s + REST_S
                return
            if not self._is_through(store, self._look):
                return
            self._look = None

    def _begin(self, store: Store, now_s: float) -> Look | None:
        here = [(song, Path(path)) for song in store.library.with_files() for path in _paths(song)]
        self._seen_s = {path: self._seen_s[path] for _, path in here if path in self._seen_s}
        due = [item for item in here if now_s - self._seen_s.get(item[1], float("-inf")) >= AGAIN_S]
        if not due:
            return None
        song, path = min(due, key=lambda item: self._seen_s.get(item[1], float("-inf")))
        self._seen_s[path] = now_s
        if not self._sounds(store, path):  # the player has read ahead in those
            with suppress(OSError):
                forget_pages(path)
        steps = check_samples(path) if str(path) == song.pcm_path else check_file(path, song.sha256)
        return Look(song, path, steps)

    def _is_through(self, store: Store, look: Look) -> bool:
        try:
            with idle_disk():
                return not list(islice(look.steps, 1))
        except FileNotFoundError:
            pass  # given up meanwhile
        except PcmWithoutSums:
            self._anew(store, look.song)
        except (PcmError, MediaError, OSError) as error:
            self._repair(store, look, error)
        return True

    def _repair(self, store: Store, look: Look, error: Exception) -> None:
        song = look.song
        if not look.is_cache:
            give_up_original(store, song)
            return
        log.warning("%s: its cache file is damaged and is made anew: %s", song.title, error)
        store.library.count_damaged()
        if self._anew(store, song):
            return
        if self._sounds(store, look.path):
            self._seen_s[look.path] = store.clock.boot_s() - AGAIN_S + SOUNDS_FOR_S
            return
        store.library.give_up_file(look.path)
        look.path.unlink(missing_ok=True)

    def _sounds(self, store: Store, path: Path) -> bool:
        sounding = self._sounding(store)
        return any(song.pcm_path == str(path) for song in store.library.with_files() if song.id in sounding)


def _paths(song: Song) -> list[str]:
    return [path for path in (song.pcm_path, song.media_path) if path]
