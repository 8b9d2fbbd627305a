"""The page of songs: what sounds, what comes next, and what staff said."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.model import RuleKind, Song
from appliance.ui import word_texts
from appliance.ui.facts import STRONGEST_FIRST, Facts, StripState, Word
from appliance.ui.texts import Texts, drawable
from mixer.scene import Kind


@dataclass(frozen=True, slots=True)
class SongRow:
    """A song in a list. `staffs`: what is told of it is staff's doing. `word`: the word that its own key lifts."""

    song_id: str
    title: str
    kind: Kind
    told: str
    staffs: bool = False
    word: RuleKind | None = None
    lift: str = ""


@dataclass(frozen=True, slots=True)
class SongsView:
    playing: tuple[SongRow, ...]
    coming: tuple[SongRow, ...]
    said: tuple[SongRow, ...]


def songs_view(facts: Facts, now_s: float, texts: Texts) -> SongsView:
    """What sounds, the loudest first; what is queued, the next first; what staff said, each song once."""
    sounding = facts.sounding(now_s)
    loudest_first = sorted(sounding.values(), key=lambda strip: (-strip.gain_db, strip.song_id))
    words: dict[str, Word] = {word.song.id: word for word in map(facts.songs.word_on, _spoken_of(facts)) if word}
    coming = [
        song
        for song in facts.songs.queue
        if song.id not in sounding and (song.id not in words or words[song.id].kind not in ("skip", "ban"))
    ]
    said = sorted(words.values(), key=lambda word: (_ORDER.index(word.kind), word.song.title, word.song.id))
    return SongsView(
        tuple(_playing(strip, words.get(strip.song_id), now_s, texts) for strip in loudest_first),
        tuple(_coming(song, words.get(song.id), now_s, texts) for song in coming),
        tuple(_said(word, now_s, texts) for word in said),
    )


_ORDER: tuple[RuleKind, ...] = tuple(reversed(STRONGEST_FIRST))


def _spoken_of(facts: Facts) -> list[str]:
    return list({word.song.id: None for word in facts.songs.words})


def _playing(strip: StripState, word: Word | None, now_s: float, texts: Texts) -> SongRow:
    told = word_texts.standing(word, now_s, texts) if word else drawable(strip.why)
    return SongRow(strip.song_id, drawable(strip.title) or texts.untitled, strip.kind, told, word is not None)


def _coming(song: Song, word: Word | None, now_s: float, texts: Texts) -> SongRow:
    told = texts.instrumental if song.kind == "instrumental" else texts.soundscape
    if word is not None:
        told = word_texts.standing(word, now_s, texts)
    elif not song.ready:
        told = f"{told} · {texts.not_here_yet}"
    return SongRow(song.id, drawable(song.title) or texts.untitled, song.kind, told, word is not None)


def _said(word: Word, now_s: float, texts: Texts) -> SongRow:
    return SongRow(
        word.song.id,
        drawable(word.song.title) or texts.untitled,
        word.song.kind,
        word_texts.standing(word, now_s, texts),
        True,
        word.kind,
        word_texts.lift(word.kind, texts),
    )
