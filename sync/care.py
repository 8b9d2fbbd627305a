"""Looks at every file that is here, over and over, a little at a time: a card forgets bits without a word."""

from __future__ import annotations

import logging
from collections import deque
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
PUT_OFF_S = 600.0

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
    """Each file once a day, from the start on.

    What is damaged is made anew: the cache file from the original, beside the one that sounds; the original from the
    cloud. Nothing that sounds is taken away.
    """

    def __init__(self, anew: Anew, sounding: Callable[[Store], set[str]]) -> None:
        """anew: makes a song's cache file again from its original, in the place of the one there; False if not."""
        self._anew = anew
        self._sounding = sounding
        self._round: deque[tuple[str, str]] = deque()  # (song's id, path) of what is to be looked at
        self._round_due_s = float("-inf")
        self._put_off: list[tuple[str, str]] = []  # what sounds and cannot be made anew
        self._put_off_until_s = 0.0
        self._look: Look | None = None
        self._due_s = float("-inf")

    def step(self, store: Store) -> None:
        """A megabyte or so, once a second."""
        now_s = store.clock.boot_s()
        if now_s < self._due_s:
            return
        self._due_s = now_s + EVERY_S
        for _ in range(FILES_AT_ONCE):
            self._look = self._look or self._begin(store)
            if self._look is None:
                self._due_s = now_s + REST_S
                return
            if not self._is_through(store, self._look):
                return
            self._look = None

    def _begin(self, store: Store) -> Look | None:
        self._fill_round(store)
        while self._round:
            song_id, path = self._round.popleft()
            song = store.library.song(song_id)
            if song is None or path not in (song.pcm_path, song.media_path):
                continue  # given up meanwhile
            if path not in self._sounding_paths(store):  # the player has read ahead in those
                with suppress(OSError):
                    forget_pages(Path(path))
            is_cache = path == song.pcm_path
            steps = check_samples(path) if is_cache else check_file(Path(path), song.sha256)
            return Look(song, Path(path), steps)
        return None

    def _fill_round(self, store: Store) -> None:
        now_s = store.clock.boot_s()
        if self._put_off and now_s >= self._put_off_until_s:
            self._round.extend(self._put_off)
            self._put_off.clear()
        if not self._round and now_s >= self._round_due_s:
            self._round.extend(store.library.named_files())
            self._round_due_s = now_s + AGAIN_S

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
        if not self._anew(store, song):
            if str(look.path) in self._sounding_paths(store):
                self._put_off.append((song.id, str(look.path)))
                self._put_off_until_s = store.clock.boot_s() + PUT_OFF_S
                return
            store.library.give_up_file(look.path)
            look.path.unlink(missing_ok=True)
        store.library.count_damaged()

    def _sounding_paths(self, store: Store) -> set[str | None]:
        songs = (store.library.song(song_id) for song_id in self._sounding(store))
        return {song.pcm_path for song in songs if song}
