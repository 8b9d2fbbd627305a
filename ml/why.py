"""One plain sentence from the reasons that put a layer where it is, in English or French."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import numpy as np

from ml.tags import TAGS, as_vector

Language = Literal["en", "fr"]

TOLD_PENALTY = 0.025  # a play of four hours ago
FEW = 4  # in a smaller group any share would tell what one person likes

NAMES: dict[str, dict[str, str]] = {
    "en": {
        "rain": "rain",
        "sea_waves": "the sea",
        "thunderstorm": "thunder",
        "wind": "wind",
        "crackling_fire": "the fire",
    },
    "fr": {
        "rain": "la pluie",
        "sea_waves": "la mer",
        "thunderstorm": "le tonnerre",
        "wind": "le vent",
        "crackling_fire": "le feu",
    },
}

_PLAIN = {
    "en": {
        "solo": "staff listen to it alone",
        "pin": "staff pinned it",
        "place": "staff chose its place",
        "staff": "staff holds its fader",
        "rotation": "it is its turn",
        "house": "it is part of the house mix",
        "new": "it is new here",
        "near": "it comes nearest to what the room likes",
        "instrumental": "an instrumental goes with the beds",
        "taste": "it suits the room",
    },
    "fr": {
        "solo": "l’équipe n’écoute que lui",
        "pin": "l’équipe l’a épinglé",
        "place": "l’équipe a choisi sa place",
        "staff": "l’équipe tient son curseur",
        "rotation": "c’est son tour",
        "house": "il fait partie de l’ambiance de la maison",
        "new": "il est nouveau ici",
        "near": "il est le plus proche de ce que la salle aime",
        "instrumental": "un instrumental accompagne les ambiances",
        "taste": "il plaît à la salle",
    },
}
_OPENING = {"en": "Playing because", "fr": "Joué parce que"}
_AND = {"en": "and", "fr": "et"}
_THOUGH = {"en": ", though it played not long ago", "fr": ", même s’il a joué il y a peu"}
_SOFT = {"en": "; softly, as others suit the room better", "fr": " ; en retrait, car d’autres plaisent davantage"}
_NOTHING = {"en": "Playing as part of the mix.", "fr": "Fait partie du mélange."}


def sentence(reasons: Iterable[Any], language: Language = "en") -> str:
    """The reasons as one sentence, e.g. "Playing because most of the 6 people here like rain, though it played not
    long ago."

    A reason is a mapping with `kind` and its values beside it or under `detail`, or an object with these two
    attributes. Kinds nobody knows are left out; the same words are said once, the strongest two reasons at most.
    """
    if language not in NAMES:
        raise ValueError(f"a sentence is in {' or '.join(NAMES)}, got {language!r}")
    clauses: list[str] = []
    though = soft = ""
    for kind, detail in map(_parts, reasons):
        if kind == "soft":
            soft = _SOFT[language]
        if kind == "penalty" and float(detail.get("penalty", 0.0)) >= TOLD_PENALTY:
            though = _THOUGH[language]
        clause = _clause(kind, detail, language)
        if clause and clause not in clauses:
            clauses.append(clause)
    if not clauses:
        return _NOTHING[language]
    return _joined(_OPENING[language], f" {_AND[language]} ".join(clauses[:2]) + though + soft)


def dominant_tag(embedding: Iterable[float]) -> str:
    """The tag with the largest part in an embedding (5,); empty when it is neutral."""
    vector = as_vector(list(embedding))
    return TAGS[int(np.argmax(vector))] if vector.max() > 0 else ""


def tag_name(tag: str, language: Language = "en") -> str:
    """How a person calls a tag; a tag nobody named is said as it is written."""
    return NAMES[language].get(tag, tag.replace("_", " "))


def told_share(fans: int, people: int) -> float | None:
    """The share of people that may be told: some (0.25), about half (0.5) or most (0.75), never all.

    One person alone hears their own taste: 1. In a group of two or three no share is told at all (None).
    """
    if people <= 1:
        return 1.0
    if people < FEW:
        return None
    share = fans / people
    return 0.25 if share < 0.4 else 0.5 if share <= 0.6 else 0.75


def _parts(reason: Any) -> tuple[str, Mapping[str, Any]]:
    if isinstance(reason, Mapping):
        detail = reason.get("detail")
        return str(reason.get("kind", "")), detail if isinstance(detail, Mapping) else reason
    return str(reason.kind), reason.detail


def _clause(kind: str, detail: Mapping[str, Any], language: Language) -> str:
    if kind == "taste" and detail.get("tag"):
        return _TASTE[language](tag_name(str(detail["tag"]), language), detail)
    return _PLAIN[language].get(kind, "")


def _taste_en(name: str, detail: Mapping[str, Any]) -> str:
    people, share = _numbers(detail)
    if people <= 1:
        return f"the person here likes {name}"
    if share is None:
        return f"people here like {name}"
    if share >= 0.95:
        return f"all {people} people here like {name}"
    if share > 0.55:
        return f"most of the {people} people here like {name}"
    if share >= 0.45:
        return f"half of the {people} people here like {name}"
    return f"some of the {people} people here like {name}"


def _taste_fr(name: str, detail: Mapping[str, Any]) -> str:
    people, share = _numbers(detail)
    if people <= 1:
        return f"la personne présente aime {name}"
    if share is None:
        return f"on aime {name} ici"
    if share >= 0.95:
        return f"les {people} personnes présentes aiment {name}"
    if share > 0.55:
        return f"la plupart des {people} personnes présentes aiment {name}"
    if share >= 0.45:
        return f"la moitié des {people} personnes présentes aiment {name}"
    return f"quelques-unes des {people} personnes présentes aiment {name}"


_TASTE: dict[str, Callable[[str, Mapping[str, Any]], str]] = {"en": _taste_en, "fr": _taste_fr}


def _numbers(detail: Mapping[str, Any]) -> tuple[int, float | None]:
    share = detail.get("share")
    return int(detail.get("people", 0)), None if share is None else float(share)


def _joined(opening: str, clauses: str) -> str:
    if opening.endswith("que") and clauses[0] in "aeiouyé":
        opening = f"{opening[:-1]}’"
        return f"{opening}{clauses}."
    return f"{opening} {clauses}."
