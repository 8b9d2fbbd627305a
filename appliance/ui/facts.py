"""What the screen has read: the runtime files and the store, as plain values without a clock of their own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appliance.model import Control, ProfileId, RuleKind, Solo, Song, TapOutcome
from appliance.tapline import TYPED
from mixer.scene import Kind

STRONGEST_FIRST: tuple[RuleKind, ...] = ("ban", "skip", "pin", "place")
PLAYER_SILENT_S = 3.0  # the player publishes ten times a second; after this it is not running


@dataclass(frozen=True, slots=True)
class SeenTap:
    """The newest tap of this boot. `at_s` is boot time; a phone has no name."""

    tap_id: str
    outcome: TapOutcome
    at_s: float
    name: str = ""
    profile_id: ProfileId | None = None
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """The newest tap of which nothing was stored. `why`: "copy" of another card, or the "disk"."""

    why: str
    at_s: float


@dataclass(frozen=True, slots=True)
class StripState:
    """One strip as the player published it. Levels are linear amplitudes."""

    song_id: str
    title: str
    gain_db: float
    kind: Kind = "soundscape"
    peak: float = 0.0
    muted: bool = False
    held: bool = False
    why: str = ""
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Sound:
    """The player's last word. `boot_s` says when that was."""

    boot_s: float = -math.inf
    audible: bool = False
    why: tuple[str, ...] = ()
    scene: tuple[tuple[str, float], ...] = ()
    strips: tuple[StripState | None, ...] = ()
    peak: float = 0.0
    underruns: int = 0

    def alive(self, now_s: float) -> bool:
        return now_s - self.boot_s < PLAYER_SILENT_S


@dataclass(frozen=True, slots=True)
class Links:
    """Whether the cloud and the card readers answer. `cloud` is None without one; `refused`: nothing can be stored."""

    cloud: bool | None = None
    pending: int = 0
    reader_away: bool = False
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """Staff's word on a song, which holds now. `until_s` is boot time; None = until it is lifted."""

    song: Song
    kind: RuleKind
    until_s: float | None = None


@dataclass(frozen=True, slots=True)
class Songbook:
    """The songs staff may have a word on: those queued, the next one first, and those they spoke of."""

    queue: tuple[Song, ...] = ()
    words: tuple[Word, ...] = ()

    @property
    def holds_until_s(self) -> float:
        """Boot time from which some word is over, and this is to be read again."""
        return min((word.until_s for word in self.words if word.until_s is not None), default=math.inf)

    def word_on(self, song_id: str) -> Word | None:
        """The strongest word on that song."""
        words = [word for word in self.words if word.song.id == song_id]
        return min(words, key=lambda word: STRONGEST_FIRST.index(word.kind), default=None)

    def song(self, song_id: str) -> Song | None:
        return next((song for song in (*self.queue, *(w.song for w in self.words)) if song.id == song_id), None)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the screens are drawn from, but the time."""

    sound: Sound = field(default_factory=Sound)
    links: Links = field(default_factory=Links)
    control: Control = field(default_factory=Control)
    tap: SeenTap | None = None
    names: tuple[str, ...] = ()
    turned_away: TurnedAway | None = None
    songs: Songbook = field(default_factory=Songbook)

    def sounding(self, now_s: float) -> dict[str, StripState]:
        """The layers that are heard or still fade, by song; none when the player is silent."""
        strips = self.sound.strips if self.sound.alive(now_s) else ()
        return {strip.song_id: strip for strip in strips if strip}

    def alone(self, now_s: float) -> Solo | None:
        """The layer staff listen to alone, as long as it sounds."""
        solo = self.control.solo
        ends = solo is None or solo.until_ms <= 1000 * now_s or solo.song_id not in self.sounding(now_s)
        return None if ends else solo


def sound_from(player: Mapping[str, Any]) -> Sound:
    """The player's runtime file as a value. What is missing or of the wrong kind reads as silence."""
    return Sound(
        boot_s=_number(player.get("boot_s"), -math.inf),
        audible=player.get("audible") is True,
        why=tuple(str(line) for line in _list(player.get("why"))),
        scene=tuple(_share(layer) for layer in _list(player.get("scene")) if isinstance(layer, Mapping)),
        strips=tuple(_strip(strip) for strip in _list(player.get("strips"))[:16]),
        peak=_number(_mapping(player.get("engine")).get("peak"), 0.0),
        underruns=int(_number(player.get("underruns"), 0.0)),
    )


def links_from(sync: Mapping[str, Any], readers: Sequence[Mapping[str, Any]], *, read_only: bool = False) -> Links:
    """The link from its runtime file, and the card readers; nothing published is nothing wrong. Typed taps are no
    reader that a guest could use.

    read_only: what our own database says of the card. A reader that is ready and complains could not store a tap.
    """
    link = sync.get("link")
    states = [one.get("state") for one in readers if one.get("where") != TYPED]
    return Links(
        cloud=None if link in (None, "", "none") else link in (True, "up", "online", "connected", "ok"),
        pending=int(_number(sync.get("pending"), 0.0)),
        reader_away=bool(states) and not any(state == "ready" for state in states),
        refused=read_only or any(one.get("state") == "ready" and one.get("why") for one in readers),
    )


def turned_away_from(reader: Mapping[str, Any]) -> TurnedAway | None:
    """From the reader's runtime file; None when there is no such tap, or it is of the wrong kind."""
    told = _mapping(reader.get("turned_away"))
    at_s = _number(told.get("at_boot_s"), -math.inf)
    return TurnedAway(str(told.get("why")), at_s) if math.isfinite(at_s) else None


def _strip(state: object) -> StripState | None:
    if not isinstance(state, Mapping) or not state.get("song_id"):
        return None
    return StripState(
        song_id=str(state["song_id"]),
        title=str(state.get("title") or ""),
        gain_db=_number(state.get("gain_db"), -120.0),
        kind="instrumental" if state.get("kind") == "instrumental" else "soundscape",
        peak=_number(state.get("peak"), 0.0),
        muted=state.get("muted") is True,
        held=state.get("held") is True,
        why=str(state.get("why") or ""),
        share=_number(state.get("share"), 0.0),
    )


def _share(layer: Mapping[str, Any]) -> tuple[str, float]:
    return str(layer.get("song_id", "")), _number(layer.get("share"), 0.0)


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else default


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
