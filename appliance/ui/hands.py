"""Staff's hands on the mix, as jobs for the store: they write what is wanted, the player converges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from appliance.store import Store
from appliance.ui.feed import Feed
from appliance.ui.mixer_view import moved_fader, muted_fader

MASTER = ""  # the master's key among the drags; no song is called so


class Hands:
    """What the mixer page may do. `touched` is called first, every time: a page in use stays open."""

    def __init__(self, feed: Feed, touched: Callable[[], None], failed: Callable[[Future[Any]], None]) -> None:
        self._feed = feed
        self._touched = touched
        self._failed = failed

    def drag(self, song_id: str, gain_db: float) -> None:
        """A thumb on its way: the newest place, at most once a tick."""
        self._touched()
        self._feed.move(song_id, lambda store: _hold(store, song_id, gain_db))

    def drop(self, song_id: str, gain_db: float) -> None:
        """A thumb at rest."""
        self._do(lambda store: _hold(store, song_id, gain_db), ends=song_id)

    def mute(self, song_id: str, *, muted: bool) -> None:
        self._do(lambda store: _mute(store, song_id, muted=muted))

    def let_go(self, song_ids: Sequence[str]) -> None:
        self._do(lambda store: store.room.release_faders(song_ids))

    def drag_master(self, gain_db: float) -> None:
        self._touched()
        self._feed.move(MASTER, lambda store: store.room.set_master(gain_db=gain_db))

    def drop_master(self, gain_db: float) -> None:
        self._do(lambda store: store.room.set_master(gain_db=gain_db), ends=MASTER)

    def mute_all(self, *, mute: bool) -> None:
        self._do(lambda store: store.room.set_master(mute=mute))

    def hush(self, *, hush: bool) -> None:
        self._do(lambda store: store.room.set_master(hush=hush))

    def _do(self, job: Callable[[Store], None], *, ends: str | None = None) -> None:
        self._touched()
        self._feed.do(job, ends=ends).add_done_callback(self._failed)


def _hold(store: Store, song_id: str, gain_db: float) -> None:
    store.room.hold_fader(moved_fader(store.room.control(), song_id, gain_db))


def _mute(store: Store, song_id: str, *, muted: bool) -> None:
    fader = muted_fader(store.room.control(), song_id, muted=muted)
    if fader is None:
        store.room.release_faders([song_id])
    else:
        store.room.hold_fader(fader)
