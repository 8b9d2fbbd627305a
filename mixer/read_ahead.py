"""Keeps the next seconds of every deck in memory, so that the audio thread never waits for the card."""

from __future__ import annotations

import threading
from collections.abc import Callable

from mixer.pages import Pages
from mixer.playhead import Playhead
from mixer.scene import SAMPLE_RATE
from mixer.strip import Deck

AHEAD_S = 4.0
EVERY_S = 1.0
BEHIND_S = 1.0  # played this long ago: no longer needed
LONGEST_ROUND_S = 4.0

Playing = Callable[[], tuple[Deck, ...]]


class ReadAhead:
    """A thread that once a second fetches what each deck plays next and lets go of what it has played.

    So the process stays small however long the songs are, and every deck has `AHEAD_S` to spare.
    """

    def __init__(self, playing: Playing, pages: Pages) -> None:
        self._playing = playing
        self._pages = pages
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="read-ahead", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def look(self) -> None:
        """One round over the decks."""
        for deck in self._playing():
            samples, position = deck.part.source.samples, deck.playhead.position
            played_from = position - round((BEHIND_S + LONGEST_ROUND_S) * SAMPLE_RATE)
            self._pages.forget(samples, played_from, round(LONGEST_ROUND_S * SAMPLE_RATE))
            for frame, frames in coming(deck.playhead):
                self._pages.fetch(samples, frame, frames)

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            self.look()


def coming(playhead: Playhead) -> tuple[tuple[int, int], ...]:
    """(frame, frames) that are read within `AHEAD_S`: straight on, and round the loop where it is near."""
    source, ahead = playhead.source, round(AHEAD_S * SAMPLE_RATE)
    left = source.end - playhead.position
    straight = (playhead.position, min(ahead, left))
    if not source.loops or left > 2 * ahead:
        return (straight,)
    start = source.entry - (source.end - source.seam_start)
    return straight, (start, min(ahead, source.end - start))
