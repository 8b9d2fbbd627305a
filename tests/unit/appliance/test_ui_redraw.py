"""A drawing made to look like another, its parts staying themselves."""

from __future__ import annotations

from collections.abc import Callable

import flet as ft

from appliance.ui.redraw import redrawn, redrawn_all
from appliance.ui.widgets import key, named, words


def drawing(text: str, *keys: str, pressed: Callable[[], None] = lambda: None) -> ft.Column:
    """A text over a row of keys, as pages are built."""
    row = ft.Row([key(name, name, pressed, width=48, height=48) for name in keys])
    return ft.Column([words(text, 16), ft.Container(row)])


def keys_of(column: ft.Column) -> list[ft.Control]:
    container = column.controls[1]
    assert isinstance(container, ft.Container)
    row = container.content
    assert isinstance(row, ft.Row)
    return row.controls


def test_what_is_the_same_part_stays_and_says_the_new() -> None:
    old = drawing("before", "undo")
    undo = keys_of(old)[0]
    assert redrawn(old, drawing("after", "undo")) is old
    text = old.controls[0]
    assert isinstance(text, ft.Text)
    assert text.value == "after"
    assert keys_of(old) == [undo]


def test_a_key_acts_as_the_newest_drawing_says() -> None:
    pressed: list[str] = []
    old = drawing("", "undo", pressed=lambda: pressed.append("before"))
    redrawn(old, drawing("", "undo", pressed=lambda: pressed.append("after")))
    undo = keys_of(old)[0]
    assert isinstance(undo, ft.Semantics)
    assert isinstance(undo.content, ft.Container)
    assert undo.content.on_click is not None
    undo.content.on_click(ft.Event("click", undo.content))  # type: ignore[call-arg]
    assert pressed == ["after"]


def test_named_parts_stay_themselves_wherever_they_go_and_others_come_and_leave() -> None:
    old = drawing("", "a", "b", "c")
    a, _b, c = keys_of(old)
    redrawn(old, drawing("", "c", "new", "a"))
    after = keys_of(old)
    assert after[0] is c
    assert after[2] is a
    assert [one.identifier for one in after if isinstance(one, ft.Semantics)] == ["c", "new", "a"]


def test_a_part_of_another_name_or_kind_takes_its_place() -> None:
    old, other = named("room", words("", 16)), named("mixer", words("", 16))
    assert redrawn(old, other) is other
    text = words("", 16)
    assert redrawn(old, text) is text
    assert redrawn(None, text) is text


def test_a_control_that_its_page_keeps_is_put_in_as_it_is() -> None:
    kept = ft.ProgressBar(key="countdown", value=0.5)
    old = ft.Row([ft.ProgressBar(value=1.0)])
    redrawn(old, ft.Row([kept]))
    assert old.controls == [kept]
    assert old.controls[0] is kept


def test_a_list_keeps_its_rows_by_their_key() -> None:
    old = [words(name, 16) for name in "ab"]
    for row, name in zip(old, "ab", strict=True):
        row.key = name
    new = [words(name, 16) for name in "bac"]
    for row, name in zip(new, "bac", strict=True):
        row.key = name
    after = redrawn_all(old, new)
    assert after[0] is old[1]
    assert after[1] is old[0]
    assert after[2] is new[2]
