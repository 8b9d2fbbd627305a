"""Keeps the next seconds of every deck in memory, so that the audio thread never waits for the card."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable

from mixer.pcm import byte_stretches
from mixer.playhead import Playhead
from mixer.scene import SAMPLE_RATE
from mixer.strip import Deck

AHEAD_S = 4.0
EVERY_S = 1.0

Playing = Callable[[], tuple[Deck, ...]]


class ReadAhead:
    """A thread that asks the kernel, once a second, for what each deck plays next."""

    def __init__(self, playing: Playing) -> None:
        self._playing = playing
        self._files: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="read-ahead", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._keep(())

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            self.look()

    def look(self) -> None:
        """One round over the decks."""
        decks = self._playing()
        self._keep(deck.part.path for deck in decks)
        for deck in decks:
            self._advise(deck)

    def _keep(self, paths: Iterable[str]) -> None:
        wanted = set(paths)
        for path in self._files.keys() - wanted:
            os.close(self._files.pop(path))
        for path in wanted - self._files.keys():
            try:
                self._files[path] = os.open(path, os.O_RDONLY)
            except OSError:
                continue  # removed since it was mapped: what is mapped still plays

    def _advise(self, deck: Deck) -> None:
        fd = self._files.get(deck.part.path)
        if fd is None:
            return
        channels, length = deck.part.source.samples.shape
        for frame, frames in _coming(deck.playhead):
            for offset, size in byte_stretches(channels, length, frame, frames):
                os.posix_fadvise(fd, offset, size, os.POSIX_FADV_WILLNEED)


def _coming(playhead: Playhead) -> tuple[tuple[int, int], ...]:
    """(frame, frames) that are read within `AHEAD_S`: straight on, and round the loop where it is near."""
    source, ahead = playhead.source, round(AHEAD_S * SAMPLE_RATE)
    left = source.end - playhead.position
    straight = (playhead.position, min(ahead, left))
    if not source.loops or left > 2 * ahead:
        return (straight,)
    start = source.entry - (source.end - source.seam_start)
    return straight, (start, min(ahead, source.end - start))
