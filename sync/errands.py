"""Which files are being fetched and which rest after a failure: shared by the threads that fetch."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from appliance.clock import Clock
from appliance.model import Song
from sync.backoff import backoff_s

RATE_OVER_S = 20.0


@dataclass(frozen=True, slots=True)
class Progress:
    """What is still to come, of the files this box means to have, and how fast it comes just now."""

    files: int = 0
    bytes: int = 0
    bytes_per_s: int = 0


class Errands:
    """One file is fetched by one thread. One that cannot be had waits its own time and holds up no other."""

    def __init__(self, clock: Clock, rng: Random) -> None:
        self._clock = clock
        self._rng = rng
        self._lock = threading.Lock()
        self._here: dict[str, int] = {}
        self._cooling: dict[str, tuple[float, int]] = {}
        self._to_come = (0, 0)
        self._came: deque[tuple[float, int]] = deque()

    @property
    def bytes_here(self) -> int:
        """Of the files that are on their way, what has come."""
        with self._lock:
            return sum(self._here.values())

    def mean_to_have(self, songs: Iterable[Song]) -> None:
        """These files are not here yet, and are to be."""
        sizes = {song.sha256: song.byte_size for song in songs}
        with self._lock:
            self._to_come = (len(sizes), sum(sizes.values()))

    def progress_of_all(self) -> Progress:
        with self._lock:
            self._forget_old_marks()
            files, size = self._to_come
            came = sum(count for _, count in self._came)
            return Progress(files, max(size - sum(self._here.values()), 0), round(came / RATE_OVER_S))

    @property
    def spoken_for(self) -> int:
        """How many files are not to be had just now, because they are fetched already or rest."""
        with self._lock:
            return len(self._here) + len(self._cooling)

    def take(self, songs: Iterable[Song]) -> Song | None:
        """The first that nobody fetches and that does not rest; it is the caller's until `done` or `rest`."""
        now_s = self._clock.boot_s()
        with self._lock:
            for song in songs:
                if song.sha256 not in self._here and self._cooling.get(song.sha256, (0.0, 0))[0] <= now_s:
                    self._here[song.sha256] = 0
                    return song
        return None

    def progress(self, song: Song, have: int, new: int = 0) -> None:
        """So much of it is here, the last `new` bytes of it just now."""
        with self._lock:
            self._here[song.sha256] = have
            self._came.append((self._clock.boot_s(), new))
            self._forget_old_marks()

    def done(self, song: Song) -> None:
        with self._lock:
            self._here.pop(song.sha256, None)
            self._cooling.pop(song.sha256, None)

    def leave(self, song: Song, *, rest: bool, at_least_s: float = 0.0) -> None:
        """It was not to be had: by its own fault it rests, longer each time, or else may be taken at once."""
        with self._lock:
            self._here.pop(song.sha256, None)
            if rest:
                _, failures = self._cooling.get(song.sha256, (0.0, 0))
                pause_s = max(1.0 + backoff_s(failures + 2, float("inf"), self._rng), at_least_s)
                self._cooling[song.sha256] = (self._clock.boot_s() + pause_s, failures + 1)

    def _forget_old_marks(self) -> None:
        before_s = self._clock.boot_s() - RATE_OVER_S
        while self._came and self._came[0][0] < before_s:
            self._came.popleft()
