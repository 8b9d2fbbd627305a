"""Staff's voice on songs, as jobs for the store: they say what is wanted, the player converges."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from appliance.model import RuleKind
from appliance.store import Store
from appliance.ui.desk import Desk
from appliance.ui.feed import Feed
from appliance.ui.word import SOLO_S, say, take_back

log = logging.getLogger(__name__)


class Voice:
    """What the pages with songs may do. `touched` is called first, every time: a page in use stays open.

    later: runs a call on the screen's loop, where alone the desk may change. changed: shows what the desk says.
    """

    def __init__(
        self,
        feed: Feed,
        desk: Desk,
        touched: Callable[[], None],
        later: Callable[[Callable[[], None]], None],
        changed: Callable[[], None],
    ) -> None:
        self._feed = feed
        self._desk = desk
        self._touched = touched
        self._later = later
        self._changed = changed

    def open(self, song_id: str | None) -> None:
        """Lay out the choices for a song; None puts them away."""
        self._touched()
        self._desk.song_id = song_id
        self._changed()

    def say(self, song_id: str, kind: RuleKind | None, *, sounding: bool = False) -> None:
        """One word on a song, or with None the lifting of it."""
        self._do(lambda store: say(store, song_id, kind, sounding=sounding), self._desk.take)

    def take_back(self) -> None:
        """Undo the last word, while that is offered."""
        said = self._desk.take_back()
        if said is not None:
            self._do(lambda store: take_back(store, said))

    def listen_to(self, song_id: str) -> None:
        self._do(lambda store: store.room.solo(song_id, SOLO_S))

    def end_solo(self) -> None:
        self._do(lambda store: store.room.end_solo())

    def _do(self, job: Callable[[Store], Any], then: Callable[[Any], None] = lambda _answer: None) -> None:
        self.open(None)
        self._feed.do(job).add_done_callback(lambda answer: self._later(lambda: self._done(answer, then)))

    def _done(self, answer: Future[Any], then: Callable[[Any], None]) -> None:
        error = answer.exception()
        if error is None:
            then(answer.result())
        else:
            log.warning("staff's word was not stored: %s", error)
            self._desk.refuse()
        self._changed()
