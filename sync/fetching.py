"""The loop that fetches files: what is called for first, then what the house would play, while there is room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import sleep

from appliance.model import Song
from appliance.store import Store
from sync import media
from sync.cache import Limits, limits_for, make_way, may_fetch_more
from sync.door import Door
from sync.errands import Errands
from sync.errors import LinkDown, MediaError, NoSpace
from sync.link import Link
from sync.pace import Glance
from sync.throttle import Throttle

LISTEN_S = 1.0


class MediaLoop:
    """Fetches one file after the other, beside others like it."""

    def __init__(
        self,
        cloud: Door,
        folder: Path,
        link: Link,
        errands: Errands,
        throttle: Throttle,
        sounding: Callable[[Store], set[str]],
    ) -> None:
        self._cloud = cloud
        self._folder = folder
        self._link = link
        self._errands = errands
        self._throttle = throttle
        self._sounding = sounding
        self._limits: Limits = limits_for(folder)
        self._choice: media.Choice | None = None
        self._glance = Glance()

    def step(self, store: Store) -> None:
        song = self._next(store)
        if song is None:
            self._glance.hear(store.wait(LISTEN_S))
            return
        self._glance.hear(True)
        rest, at_least_s = False, 0.0
        try:
            path = media.fetch(
                self._cloud, song, self._folder, arrived=lambda have, new: self._arrived(song, have, new)
            )
            store.library.set_media(song.id, path)
            self._errands.done(song)
        except NoSpace:
            if not (song.id in self._called_for(store) and make_way(store, song.byte_size, self._sounding(store))):
                rest = True
                raise
        except (MediaError, LinkDown) as error:
            rest, at_least_s = self._link.is_up, error.retry_after_s
            raise
        finally:
            self._errands.leave(song, rest=rest, at_least_s=at_least_s)

    def _next(self, store: Store) -> Song | None:
        now_s = store.clock.boot_s()
        if not self._glance.is_due(now_s, anyway=bool(self._errands.spoken_for)):
            return None
        song = self._look(store)
        if song is None:
            self._glance.in_vain(now_s)
        return song

    def _look(self, store: Store) -> Song | None:
        if self._choice is None:
            self._choice = media.Choice(store)
        more = may_fetch_more(store, self._limits)
        song = self._errands.take(self._choice.wanted(1 + self._errands.spoken_for, called_for=not more))
        self._errands.mean_to_have(self._choice.outstanding(called_for=not more))
        return song

    def _called_for(self, store: Store) -> set[str]:
        return {song.id for song in store.library.unprepared(1000, fetched=False, called_for=True)}

    def _arrived(self, song: Song, have: int, new: int) -> float:
        """Note what is here; wait as the hour asks, and return for how long."""
        self._errands.progress(song, have, new)
        wait_s = self._throttle.wait_s(new)
        if wait_s:
            sleep(wait_s)
        return wait_s
