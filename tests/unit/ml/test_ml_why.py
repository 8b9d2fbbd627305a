from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from ml.tags import TAGS
from ml.why import Language, dominant_tag, sentence, tag_name


@dataclass
class Reason:
    kind: str
    detail: dict[str, object] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("share", "people", "language", "expected"),
    [
        (1.0, 3, "en", "Playing because all 3 people here like rain."),
        (0.7, 6, "en", "Playing because most of the 6 people here like rain."),
        (0.5, 4, "en", "Playing because half of the 4 people here like rain."),
        (0.2, 10, "en", "Playing because some of the 10 people here like rain."),
        (1.0, 1, "en", "Playing because the person here likes rain."),
        (1.0, 3, "fr", "Joué parce que les 3 personnes présentes aiment la pluie."),
        (0.7, 6, "fr", "Joué parce que la plupart des 6 personnes présentes aiment la pluie."),
    ],
)
def test_taste(share: float, people: int, language: Language, expected: str) -> None:
    assert sentence([{"kind": "taste", "tag": "rain", "share": share, "people": people}], language) == expected


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("kind", ["pin", "staff", "rotation", "house", "new", "instrumental", "place", "taste"])
def test_every_kind_has_words(kind: str, language: Language) -> None:
    said = sentence([Reason(kind)], language)
    assert said.endswith(".")
    assert "  " not in said
    assert said != sentence([], language)
    assert "que u" not in said


def test_data_and_objects_say_the_same_twice_the_same_is_said_once() -> None:
    reason = {"kind": "taste", "detail": {"tag": "sea_waves", "share": 0.6, "people": 5}}
    assert sentence([reason, Reason("taste", reason["detail"])]) == (  # type: ignore[arg-type]
        "Playing because most of the 5 people here like the sea."
    )
    assert sentence([Reason("pin"), reason]) == (
        "Playing because staff pinned it and most of the 5 people here like the sea."
    )


def test_nothing_known_is_still_a_sentence() -> None:
    assert sentence([Reason("moon phase")]) == "Playing as part of the mix."
    with pytest.raises(ValueError, match="en or fr"):
        sentence([], "de")  # type: ignore[arg-type]


def test_dominant_tag() -> None:
    assert dominant_tag([0.1, 0.2, 0.9, 0.1, 0]) == "thunderstorm"
    assert dominant_tag([0] * 5) == ""
    assert {tag_name(tag, "fr") for tag in TAGS} == {"la pluie", "la mer", "le tonnerre", "le vent", "le feu"}
    assert tag_name("night_train") == "night train"
