"""What the screen says of staff's words on songs, by kind."""

from __future__ import annotations

from appliance.model import RuleKind
from appliance.ui.durations import minutes
from appliance.ui.facts import Word
from appliance.ui.texts import Texts
from mixer.scene import Kind


def ask(kind: RuleKind, texts: Texts) -> str:
    """The key that says it."""
    return {"pin": texts.pin, "skip": texts.skip, "ban": texts.ban, "place": texts.place}[kind]


def hint(kind: RuleKind, song_kind: Kind, texts: Texts) -> str:
    """What that does, and for how long."""
    pin = texts.pin_hint_piece if song_kind == "instrumental" else texts.pin_hint
    return {"pin": pin, "skip": texts.skip_hint, "ban": texts.ban_hint, "place": texts.place_hint}[kind]


def answer(kind: RuleKind | None, title: str, texts: Texts) -> str:
    """What was done, once it is; None is a word that was lifted."""
    said = {"pin": texts.pin_said, "skip": texts.skip_said, "ban": texts.ban_said, "place": texts.place_said}
    return (said[kind] if kind else texts.lifted_said).format(title=title)


def lift(kind: RuleKind, texts: Texts) -> str:
    """The key that ends it."""
    keys = {"pin": texts.pin_lift, "skip": texts.skip_lift, "ban": texts.ban_lift, "place": texts.place_lift}
    return keys[kind]


def standing(word: Word, now_s: float, texts: Texts) -> str:
    """Who said what, and for how long it still holds."""
    said = {"pin": texts.pin_stands, "skip": texts.skip_stands, "ban": texts.ban_stands, "place": texts.place_stands}
    if word.until_s is None:
        return said[word.kind]
    return texts.word_left.format(word=said[word.kind], time=minutes(word.until_s - now_s))


def left(word: Word, now_s: float, texts: Texts) -> str:
    """For how long it still holds; for one without an end, what comes after it."""
    return texts.lift_hint if word.until_s is None else texts.time_left.format(time=minutes(word.until_s - now_s))
