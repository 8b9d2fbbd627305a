"""What the room display says at this moment: facts and time in, words out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from appliance.model import ProfileId
from appliance.ui.facts import Facts, SeenTap, StripState
from appliance.ui.texts import Texts, drawable

FACES_S = 10.0
GREETING_S = 6.0
THANKS_S = 4.0
LAYERS_SHOWN = 3
NAMES_SHOWN = 4
COUNTDOWN_STEPS = 40
LEAST_SHARE = 0.01

Mode = Literal[
    "invite", "no_reader", "no_way_in", "playing", "faces", "greeting", "goodbye", "phone", "again", "refused", "thanks"
]


@dataclass(frozen=True, slots=True)
class Thanks:
    """A vote that was stored from this screen, for the tap it belongs to."""

    tap_id: str
    name: str
    vote_value: int
    at_s: float


@dataclass(frozen=True, slots=True)
class LayerView:
    """A layer in the list of what plays; `percent` of what is heard, in steps of 5."""

    title: str
    percent: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class RoomView:
    """The room display. `countdown` is the part of the faces' time that is left, 0 … 1."""

    mode: Mode
    headline: str
    detail: str = ""
    question: str = ""
    layers: tuple[LayerView, ...] = ()
    why: str = ""
    here: int = 0
    names: str = ""
    notice: str = ""
    tap_id: str = ""
    voter: ProfileId | None = None
    chosen: int | None = None
    countdown: float = 0.0


def room_view(facts: Facts, thanks: Thanks | None, now_s: float, texts: Texts) -> RoomView:
    """The room display at boot time `now_s`: an answer to a fresh tap, else what plays and who is here."""
    answer = _answer(facts, thanks, now_s, texts)
    if answer is not None:
        return answer
    playing = RoomView(
        "playing",
        texts.now_playing,
        texts.tap_to_join,
        layers=_layers(facts, now_s, texts),
        why=_why(facts, now_s),
        here=len(facts.names),
        names=_names(facts.names, texts),
        notice=_notice(facts, now_s, texts),
    )
    if playing.here:
        return replace(playing, notice=texts.reader_away) if facts.links.reader_away else playing
    if facts.links.reader_away:
        return _without_reader(playing, facts, texts)
    return replace(playing, mode="invite", headline=texts.tap_your_card, detail=texts.tap_explained)


def _answer(facts: Facts, thanks: Thanks | None, now_s: float, texts: Texts) -> RoomView | None:
    tap = facts.tap
    refused = _refused(facts, now_s, texts)
    if refused is not None or tap is None:
        return refused
    if thanks is not None and thanks.tap_id == tap.tap_id:
        return _thanks(thanks, texts) if now_s - thanks.at_s < THANKS_S else None
    age_s = now_s - tap.at_s
    if tap.outcome in ("in", "stay") and tap.profile_id and _something_sounds(facts, now_s):
        return _faces(tap, age_s, texts) if age_s < FACES_S else None
    return _greeting(tap, facts, texts) if age_s < GREETING_S else None


def _thanks(thanks: Thanks, texts: Texts) -> RoomView:
    told = {1: texts.thanks_disliked, 2: texts.thanks_disliked, 3: texts.thanks_neutral}
    return RoomView(
        "thanks",
        texts.thanks.format(name=drawable(thanks.name)),
        told.get(thanks.vote_value, texts.thanks_liked),
        chosen=thanks.vote_value,
        tap_id=thanks.tap_id,
    )


def _faces(tap: SeenTap, age_s: float, texts: Texts) -> RoomView:
    return RoomView(
        "faces",
        _hello(tap, texts),
        texts.new_explained if tap.is_new else texts.mix_follows,
        question=texts.rate_this,
        tap_id=tap.tap_id,
        voter=tap.profile_id,
        countdown=round((1 - max(age_s, 0) / FACES_S) * COUNTDOWN_STEPS) / COUNTDOWN_STEPS,
    )


def _refused(facts: Facts, now_s: float, texts: Texts) -> RoomView | None:
    """A tap of which nothing was stored, as long as it is the newest."""
    away = facts.turned_away
    if away is None or now_s - away.at_s >= GREETING_S or (facts.tap is not None and facts.tap.at_s > away.at_s):
        return None
    if away.why == "copy":
        return RoomView("refused", texts.card_refused, texts.card_refused_detail)
    return RoomView("refused", texts.tap_lost, texts.tap_lost_detail)


def _without_reader(playing: RoomView, facts: Facts, texts: Texts) -> RoomView:
    """A room without a cloud has no sign that a phone could scan."""
    if facts.links.cloud is None:
        return replace(playing, mode="no_way_in", headline=texts.no_way_in, detail=texts.no_way_in_detail)
    return replace(playing, mode="no_reader", headline=texts.no_cards, detail=texts.no_cards_detail)


def _greeting(tap: SeenTap, facts: Facts, texts: Texts) -> RoomView:
    if tap.outcome == "phone":
        if facts.links.cloud is None:
            return RoomView("phone", texts.cards_only, texts.cards_only_detail, tap_id=tap.tap_id)
        return RoomView("phone", texts.phone, texts.phone_detail, tap_id=tap.tap_id)
    if tap.outcome == "again":
        return RoomView("again", texts.once_more, texts.once_more_detail, tap_id=tap.tap_id)
    if tap.outcome == "out":
        return RoomView(
            "goodbye", texts.goodbye.format(name=drawable(tap.name)), texts.goodbye_detail, tap_id=tap.tap_id
        )
    detail = texts.new_explained if tap.is_new else texts.mix_follows
    return RoomView("greeting", _hello(tap, texts), detail, tap_id=tap.tap_id, voter=tap.profile_id)


def _hello(tap: SeenTap, texts: Texts) -> str:
    name = drawable(tap.name)
    if tap.outcome == "stay":
        return texts.still_here.format(name=name)
    return (texts.welcome_new if tap.is_new else texts.welcome_back).format(name=name)


def _something_sounds(facts: Facts, now_s: float) -> bool:
    return facts.sound.alive(now_s) and any(share > 0 for _, share in facts.sound.scene)


def _layers(facts: Facts, now_s: float, texts: Texts) -> tuple[LayerView, ...]:
    if not facts.sound.alive(now_s):
        return ()
    heard = [strip for strip in facts.sound.strips if strip and strip.share >= LEAST_SHARE and not strip.muted]
    heard.sort(key=lambda strip: (-_percent(strip), strip.song_id))
    return tuple(
        LayerView(drawable(strip.title) or texts.untitled, _percent(strip), drawable(strip.why))
        for strip in heard[:LAYERS_SHOWN]
    )


def _percent(strip: StripState) -> int:
    return max(round(strip.share * 20) * 5, 5)


def _why(facts: Facts, now_s: float) -> str:
    return drawable(facts.sound.why[0]) if facts.sound.why and facts.sound.alive(now_s) else ""


def _names(names: tuple[str, ...], texts: Texts) -> str:
    shown = ", ".join(drawable(name) for name in names[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    return f"{shown} {texts.here_more.format(count=more)}" if more > 0 else shown


def _notice(facts: Facts, now_s: float, texts: Texts) -> str:
    """The one thing about the sound that is out of the ordinary, the gravest first."""
    if not facts.sound.alive(now_s):
        return texts.sound_starting
    if facts.control.mute:
        return texts.sound_muted
    if facts.control.hush:
        return texts.sound_hushed
    return texts.sound_alone if facts.alone(now_s) else ""
