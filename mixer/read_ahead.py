"""Keeps the next seconds of every deck in memory, so that the audio thread never waits for the card."""

from __future__ import annotations

import threading
from collections.abc import Callable

from mixer.pages import Pages
from mixer.playhead import Playhead
from mixer.scene import SAMPLE_RATE
from mixer.strip import Deck

AHEAD_S = 4.0
EVERY_S = 2.0
BEHIND_S = 1.0  # played this long ago: no longer needed

_REACH = round((AHEAD_S + EVERY_S) * SAMPLE_RATE)  # so that the last frame before the next round has them too

Playing = Callable[[], tuple[Deck, ...]]


class ReadAhead:
    """A thread that every two seconds fetches what each deck plays next and lets go of what it has played.

    So the process stays small however long the songs are, and every deck has `AHEAD_S` to spare.
    """

    def __init__(self, playing: Playing, pages: Pages) -> None:
        self._playing = playing
        self._pages = pages
        self._fetched: dict[Playhead, int] = {}  # the frame up to which each has been seen to
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="read-ahead", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def look(self) -> None:
        """One round over the decks."""
        fetched, self._fetched = self._fetched, {}
        for deck in self._playing():
            playhead, samples = deck.playhead, deck.part.source.samples
            for frame, frames in coming(playhead, fetched.get(playhead, 0)):
                self._pages.fetch(samples, frame, frames)
            self._fetched[playhead] = playhead.position + _REACH
            played = round((BEHIND_S + 2 * EVERY_S) * SAMPLE_RATE)
            self._pages.forget(samples, playhead.position - played, round(2 * EVERY_S * SAMPLE_RATE))

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            self.look()


def coming(playhead: Playhead, fetched: int = 0) -> tuple[tuple[int, int], ...]:
    """(frame, frames) to be fetched now: straight on from what already is, and round the loop where it is near."""
    source, position = playhead.source, playhead.position
    start = fetched if position <= fetched <= position + _REACH else position
    straight = (start, min(position + _REACH, source.end) - start)
    if not source.loops or source.end - position > _REACH:
        return (straight,)
    turn = source.entry - (source.end - source.seam_start)
    return straight, (turn, min(_REACH, source.end - turn))
