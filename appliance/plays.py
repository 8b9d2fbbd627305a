"""When a layer counts as played: audible for ten seconds. Pure but for the store it reports to."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Protocol

PLAY_AFTER_S = 10.0
REOPEN_BED_S = 3600.0


class PlayLog(Protocol):
    """Where plays are noted."""

    def note_play(self, song_id: str, audible_s: float) -> str: ...
    def note_play_end(self, play_id: str, seconds: float) -> None: ...


@dataclass(slots=True)
class _Heard:
    since_s: float
    play_id: str | None = None


@dataclass(slots=True)
class Plays:
    """Opens a play when a song has been heard for 10 s, closes it when it falls silent, re-opens it hourly."""

    log: PlayLog
    _heard: dict[str, _Heard] = field(default_factory=dict)

    def hear(self, audible: Set[str], now_s: float) -> None:
        """Tell which songs can be heard now. `now_s` is boot time."""
        for song_id in list(self._heard):
            if song_id not in audible:
                self._close(song_id, now_s)
        for song_id in sorted(audible):
            self._listen(song_id, now_s)

    def close(self, now_s: float) -> None:
        """End everything, at a stop."""
        for song_id in list(self._heard):
            self._close(song_id, now_s)

    def _listen(self, song_id: str, now_s: float) -> None:
        heard = self._heard.setdefault(song_id, _Heard(now_s))
        heard_s = now_s - heard.since_s
        if heard.play_id is None and heard_s >= PLAY_AFTER_S:
            heard.play_id = self.log.note_play(song_id, heard_s)
        elif heard.play_id is not None and heard_s >= REOPEN_BED_S:
            self._close(song_id, now_s)
            self._heard[song_id] = _Heard(now_s)

    def _close(self, song_id: str, now_s: float) -> None:
        """Forgotten only once it is written down: a busy store is asked again at the next look."""
        heard = self._heard[song_id]
        if heard.play_id is not None:
            self.log.note_play_end(heard.play_id, now_s - heard.since_s)
        del self._heard[song_id]
