"""Faders, words and places: the pure parts under the pages."""

from __future__ import annotations

from dataclasses import fields
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.ui.english import ENGLISH
from appliance.ui.fader import decibels, gain_at, meter_height, position_of
from appliance.ui.french import FRENCH
from appliance.ui.languages import texts_for
from appliance.ui.texts import Texts, drawable
from appliance.ui.theme import STRIPS, Layout
from mixer.scene import SILENCE_DB


@given(st.floats(min_value=0.0, max_value=1.0))
def test_a_thumb_stands_where_it_was_put(position: float) -> None:
    assert position_of(gain_at(position)) == pytest.approx(position, abs=0.01)


@given(st.floats(min_value=-200.0, max_value=24.0), st.floats(min_value=-200.0, max_value=24.0))
def test_more_gain_is_never_lower(one_db: float, other_db: float) -> None:
    low, high = sorted((one_db, other_db))
    assert 0 <= position_of(low) <= position_of(high) <= 1


def test_the_law_of_the_fader() -> None:
    assert [gain_at(position) for position in (0.0, 0.5, 0.8, 1.0)] == [SILENCE_DB, -15.0, 0.0, 6.0]
    assert [decibels(gain) for gain in (SILENCE_DB, -60, -12.4, 0, 2)] == ["off", "off", "−12", "0", "+2"]


def test_meters_are_dark_at_silence_and_full_at_full_scale() -> None:
    assert [meter_height(level) for level in (-1.0, 0.0, 0.001, 1.0, 4.0)] == [0.0, 0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize("texts", [ENGLISH, FRENCH])
def test_every_text_can_be_drawn(texts: Texts) -> None:
    for field in fields(texts):
        value = getattr(texts, field.name)
        for text in value if isinstance(value, tuple) else (value,):
            assert text
            assert drawable(text) == " ".join(text.split())


def test_both_languages_fill_in_the_same_names() -> None:
    for field in fields(Texts):
        english, french = getattr(ENGLISH, field.name), getattr(FRENCH, field.name)
        assert filled_in(english) == filled_in(french), field.name


def filled_in(text: object) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(str(text)) if name}


def test_a_language_we_do_not_speak_is_english() -> None:
    assert texts_for("xx") is ENGLISH
    assert texts_for("fr") is FRENCH


@pytest.mark.parametrize(
    ("given_title", "shown"),
    [
        ("Pluie d’été", "Pluie d’été"),
        ("Rain ♫ 🌧 on\nroof", "Rain on roof"),
        ("雨", ""),
        ("a → b", "a › b"),
        ("Дождь", "Дождь"),
    ],
)
def test_letters_the_screen_cannot_draw_are_left_out(given_title: str, shown: str) -> None:
    assert drawable(given_title) == shown


@pytest.mark.parametrize(("width", "height"), [(800, 480), (1280, 800), (1024, 600), (1920, 1080)])
def test_the_mixer_fits_without_scrolling(width: int, height: int) -> None:
    layout = Layout.of(width, height)
    used = layout.fader_top + layout.fader_height + 20 + 2 * 50 + layout.info_height
    assert used <= height
    assert layout.strip_width * STRIPS <= width
    assert layout.strip_width >= 50


def test_a_client_that_says_no_size_is_taken_for_the_panel() -> None:
    assert Layout.of(None, None) == Layout(800, 480)
