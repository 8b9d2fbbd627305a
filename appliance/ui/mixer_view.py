"""What the mixer page shows: sixteen strips and the master, desired and sounding."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.model import Control, Fader, RuleKind
from appliance.ui.facts import Facts, Links, StripState
from appliance.ui.fader import decibels, meter_height, position_of
from appliance.ui.texts import Texts, drawable
from mixer.scene import SongId

STRIPS = 16
METER_STEPS = 60  # a meter moves in 60 steps: what is finer costs messages and cannot be seen
SILENT = (0.0,) * (STRIPS + 1)


@dataclass(frozen=True, slots=True)
class StripView:
    """One strip's face. `position` is the thumb, 0 … 1; `held` means staff's hand is on it.

    word: what staff said of the song. alone: only this is heard. unheard: something else is heard alone.
    """

    song_id: str
    title: str
    position: float
    level: str
    muted: bool
    held: bool
    why: str
    word: RuleKind | None = None
    alone: bool = False
    unheard: bool = False


@dataclass(frozen=True, slots=True)
class MixerView:
    strips: tuple[StripView | None, ...]
    master_position: float
    master_level: str
    mute: bool
    hush: bool
    any_held: bool
    why: str
    status: str


def mixer_view(facts: Facts, now_s: float, texts: Texts) -> MixerView:
    """The mixer page, but for the meters."""
    control = facts.control
    strips = _strips(facts, now_s, texts)
    return MixerView(
        strips=strips,
        master_position=position_of(control.master_db),
        master_level=decibels(control.master_db),
        mute=control.mute,
        hush=control.hush,
        any_held=any(strip is not None and strip.held for strip in strips),
        why=_why(facts, now_s, texts, empty=not any(strips)),
        status=_status(facts, texts),
    )


def meters(facts: Facts, now_s: float) -> tuple[float, ...]:
    """Seventeen heights 0 … 1: the strips and, last, the whole mix."""
    if not facts.sound.alive(now_s):
        return SILENT
    strips = [_lit(strip.peak) if strip else 0.0 for strip in facts.sound.strips[:STRIPS]]
    strips += [0.0] * (STRIPS - len(strips))
    return (*strips, _lit(facts.sound.peak))


def _lit(amplitude: float) -> float:
    return round(meter_height(amplitude) * METER_STEPS) / METER_STEPS


def _strips(facts: Facts, now_s: float, texts: Texts) -> tuple[StripView | None, ...]:
    published = facts.sound.strips if facts.sound.alive(now_s) else ()
    solo = facts.alone(now_s)
    alone = solo.song_id if solo else None
    shown = [_strip(strip, facts, alone, texts) if strip else None for strip in published[:STRIPS]]
    return (*shown, *(None for _ in range(STRIPS - len(shown))))


def _strip(strip: StripState, facts: Facts, alone: str | None, texts: Texts) -> StripView:
    """What staff asked for is shown at once; the player follows within a slab."""
    hand = next((fader for fader in facts.control.faders if fader.song_id == strip.song_id), None)
    word = facts.songs.word_on(strip.song_id)
    gain_db = hand.gain_db if hand and hand.gain_db is not None else strip.gain_db
    return StripView(
        song_id=strip.song_id,
        title=drawable(strip.title) or texts.untitled,
        position=round(position_of(gain_db) * 100) / 100,
        level=decibels(gain_db),
        muted=hand.muted if hand else strip.muted,
        held=hand is not None,
        why=drawable(strip.why),
        word=word.kind if word else None,
        alone=strip.song_id == alone,
        unheard=alone is not None and strip.song_id != alone,
    )


def muted_fader(control: Control, song_id: str, *, muted: bool) -> Fader | None:
    """The hand after its mute is pressed: the level it holds stays held. None: nothing is left to hold."""
    hand = next((fader for fader in control.faders if fader.song_id == song_id), None)
    gain_db = hand.gain_db if hand else None
    return Fader(SongId(song_id), gain_db, muted) if muted or gain_db is not None else None


def moved_fader(control: Control, song_id: str, gain_db: float) -> Fader:
    """The hand after its thumb is moved: its mute stays as it is."""
    hand = next((fader for fader in control.faders if fader.song_id == song_id), None)
    return Fader(SongId(song_id), gain_db, hand.muted if hand else False)


def _why(facts: Facts, now_s: float, texts: Texts, *, empty: bool) -> str:
    if not facts.sound.alive(now_s):
        return texts.sound_starting
    if facts.sound.why:
        return drawable(facts.sound.why[0])
    return texts.empty_strips if empty else ""


def _status(facts: Facts, texts: Texts) -> str:
    parts = [texts.nothing_stored] if facts.links.refused else []
    parts.append(_link(facts.links, texts))
    if facts.links.pending:
        parts.append(texts.waiting.format(count=facts.links.pending))
    if facts.sound.underruns:
        parts.append(texts.dropouts.format(count=facts.sound.underruns))
    return " · ".join(parts)


def _link(links: Links, texts: Texts) -> str:
    if links.cloud is None:
        return texts.link_none
    return texts.link_up if links.cloud else texts.link_down
