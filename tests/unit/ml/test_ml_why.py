from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.tags import TAGS
from ml.why import Language, dominant_tag, sentence, tag_name, told_share


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
@pytest.mark.parametrize("kind", ["pin", "staff", "rotation", "house", "new", "instrumental", "place", "near", "taste"])
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


@pytest.mark.parametrize(
    ("fans", "people", "told"),
    [(1, 1, 1.0), (1, 2, None), (2, 2, None), (3, 3, None), (4, 4, 0.75), (1, 4, 0.25), (2, 4, 0.5), (9, 10, 0.75)],
)
def test_the_share_that_is_told_never_tells_on_one_person(fans: int, people: int, told: float | None) -> None:
    assert told_share(fans, people) == told


@given(st.integers(4, 60), st.data())
def test_whether_one_more_person_likes_it_seldom_shows_and_all_never(people: int, data: st.DataObject) -> None:
    fans = data.draw(st.integers(1, people))
    share = told_share(fans, people)
    assert share in (0.25, 0.5, 0.75)
    assert len({told_share(number, people) for number in range(1, people + 1)}) <= 3


def test_in_a_small_group_no_number_is_said() -> None:
    reason = {"kind": "taste", "tag": "rain", "people": 3}
    assert sentence([reason]) == "Playing because people here like rain."
    assert sentence([reason], "fr") == "Joué parce qu’on aime la pluie ici."


def test_what_spoke_against_it_is_said_last_and_only_when_it_weighs() -> None:
    pinned = Reason("pin")
    assert sentence([pinned, Reason("penalty", {"penalty": 0.04, "hours": 1.0})]) == (
        "Playing because staff pinned it, though it played not long ago."
    )
    assert sentence([pinned, Reason("penalty", {"penalty": 0.04})], "fr") == (
        "Joué parce que l’équipe l’a épinglé, même s’il a joué il y a peu."
    )
    assert sentence([pinned, Reason("penalty", {"penalty": 0.01})]) == sentence([pinned])
    assert sentence([Reason("penalty", {"penalty": 0.04})]) == "Playing as part of the mix."


def test_what_holds_a_layer_back_is_said() -> None:
    house, soft = Reason("house"), Reason("soft")
    assert sentence([house, soft]) == (
        "Playing because it is part of the house mix; softly, as others suit the room better."
    )
    assert sentence([soft, house, Reason("penalty", {"penalty": 0.04})], "fr") == (
        "Joué parce qu’il fait partie de l’ambiance de la maison, même s’il a joué il y a peu ; en retrait, car "
        "d’autres plaisent davantage."
    )
    assert sentence([soft]) == sentence([])
