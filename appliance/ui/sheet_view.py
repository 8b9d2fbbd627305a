"""The choices for one song: what it is, what staff said of it, and the keys that say something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from appliance.model import RuleKind
from appliance.ui import word_texts
from appliance.ui.facts import Facts, StripState
from appliance.ui.texts import Texts, drawable
from mixer.scene import Kind

Choice = Literal["solo", "pin", "skip", "ban", "place"]


@dataclass(frozen=True, slots=True)
class ChoiceView:
    """One key. `on`: it stands already, and a touch ends it."""

    name: Choice
    label: str
    hint: str
    on: bool = False


@dataclass(frozen=True, slots=True)
class SheetView:
    """`staffs`: what is told of it is staff's doing. `sounding`: it is heard now and stays, unless it is sent away."""

    song_id: str
    title: str
    told: str
    staffs: bool
    sounding: bool
    choices: tuple[ChoiceView, ...]


def sheet_view(facts: Facts, song_id: str | None, now_s: float, texts: Texts) -> SheetView | None:
    """None when no song is asked for, or nobody knows it any more."""
    if song_id is None:
        return None
    strip, song = facts.sounding(now_s).get(song_id), facts.songs.song(song_id)
    if strip is None and song is None:
        return None
    title = (strip.title if strip else "") or (song.title if song else "")
    kind: Kind = song.kind if song else strip.kind if strip else "soundscape"
    word = facts.songs.word_on(song_id)
    sounding = strip is not None and (word is None or word.kind not in ("skip", "ban"))
    solo = facts.alone(now_s)
    first = _solo(on=solo is not None and solo.song_id == song_id, texts=texts) if sounding else None
    rules: tuple[RuleKind, ...] = ("pin", "skip", "ban") if sounding else ("place", "pin", "skip", "ban")
    keys = [
        ChoiceView(one, word_texts.lift(one, texts), word_texts.left(word, now_s, texts), on=True)
        if word and word.kind == one
        else ChoiceView(one, word_texts.ask(one, texts), word_texts.hint(one, kind, texts))
        for one in rules
    ]
    told = word_texts.standing(word, now_s, texts) if word else _why(strip, kind, texts)
    choices = (first, *keys) if first else tuple(keys)
    return SheetView(song_id, drawable(title) or texts.untitled, told, word is not None, sounding, choices)


def _solo(*, on: bool, texts: Texts) -> ChoiceView:
    return ChoiceView("solo", texts.solo_end if on else texts.solo, "" if on else texts.solo_hint, on)


def _why(strip: StripState | None, kind: Kind, texts: Texts) -> str:
    why = drawable(strip.why) if strip else ""
    return why or (texts.instrumental if kind == "instrumental" else texts.soundscape)
