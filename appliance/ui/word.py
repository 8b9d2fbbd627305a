"""Staff's word on a song as one touch says it: for how long it holds, and how it is taken back."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.errors import InputError
from appliance.model import Rule, RuleKind
from appliance.store import Store
from mixer.scene import SongId

# For how long a word holds, None = until it is lifted.
HOLDS_S: dict[RuleKind, float | None] = {"pin": None, "ban": None, "skip": 7200.0, "place": 3600.0}
SOLO_S = 60.0
BACK_S = 30.0  # a bed that is fetched back is pinned for so long: from then on it stands as any other


@dataclass(frozen=True, slots=True)
class Said:
    """A word that was said (`kind` None: one that was lifted), and the rules it replaced. sent_away: a bed that
    sounded till then."""

    song_id: str
    title: str
    kind: RuleKind | None
    before: tuple[Rule, ...] = ()
    sent_away: bool = False


def say(store: Store, song_id: str, kind: RuleKind | None, *, sounding: bool = False) -> Said:
    """Make this staff's one word on the song; None lifts what they said. Raises InputError where there is no such
    song."""
    song = store.library.song(song_id)
    if song is None:
        raise InputError(f"song {song_id} is no longer here: choose another")
    before = store.room.say(song_id, [] if kind is None else [rule_of(song.id, kind, store.clock.wall_s())])
    sent_away = sounding and kind in ("skip", "ban") and song.kind == "soundscape"
    return Said(song_id, song.title, kind, before, sent_away)


def take_back(store: Store, said: Said) -> None:
    """All as it was before. A bed that was sent away is fetched back; a piece cannot go on where it was cut off."""
    pinned = any(rule.kind == "pin" for rule in said.before)
    pin = Rule(SongId(said.song_id), "pin", until_s=store.clock.wall_s() + BACK_S)
    store.room.say(said.song_id, [*said.before, pin] if said.sent_away and not pinned else said.before)


def rule_of(song_id: SongId, kind: RuleKind, now_wall_s: float) -> Rule:
    """The rule one touch sets."""
    holds_s = HOLDS_S[kind]
    until_s = None if holds_s is None else now_wall_s + holds_s
    return Rule(song_id, kind, place=1 if kind == "place" else None, until_s=until_s)
