"""Redrawing what a finger may be on: a control that is replaced between touch and release takes the touch with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Any, TypeVar

import flet as ft

AnyControl = TypeVar("AnyControl", bound=ft.BaseControl)


def redrawn(old: ft.BaseControl | None, new: AnyControl) -> AnyControl:
    """`old` made to look and act as `new` does; `new` itself where that is another part, or of another kind.

    Parts are told apart by their key or semantics identifier, else by their place. A control that its page keeps and
    changes itself needs such a name: what stands in its place must not be taken for it.
    """
    if old is new or type(old) is not type(new) or _name(old) != _name(new):
        return new
    assert isinstance(old, type(new))
    kind: Any = type(new)
    for name in {**_set(old), **_set(new), **_lists(kind)}:
        was = getattr(old, name)
        now = _value(was, getattr(new, name))
        if not _same(was, now):
            setattr(old, name, now)
    return old


def redrawn_all(old: Sequence[ft.Control], new: Sequence[ft.Control]) -> list[ft.Control]:
    """As `redrawn`, for a list whose parts come, go and change places."""
    return _listed(list(old), list(new))


def _set(control: ft.BaseControl) -> dict[str, Any]:
    """The properties that are not as they come: to ask a whole page for all sixty of each part takes 10 ms."""
    values: dict[str, Any] = vars(control)["_values"]
    return values


@lru_cache(maxsize=64)
def _lists(kind: Any) -> dict[str, None]:
    """The properties that Flet keeps elsewhere: those that hold a list."""
    return {field.name: None for field in fields(kind) if field.default_factory is list}


def _value(was: Any, now: Any) -> Any:
    if isinstance(now, ft.BaseControl):
        return redrawn(was if isinstance(was, ft.BaseControl) else None, now)
    if isinstance(now, list) and isinstance(was, list):
        return _listed(was, now)
    return now


def _listed(was: list[Any], now: list[Any]) -> list[Any]:
    """Named ones stay themselves wherever they go; the others are told by their place."""
    named = {name: one for one in was if (name := _name(one)) is not None}
    places = [None if _name(one) is not None else one for one in was]
    places += [None] * max(len(now) - len(was), 0)
    return [
        _value(place if (name := _name(one)) is None else named.get(name), one)
        for place, one in zip(places, now, strict=False)
    ]


def _same(was: Any, now: Any) -> bool:
    """Controls are the same only if they are one; their own `==` would compare all they hold."""
    if isinstance(was, ft.BaseControl) or isinstance(now, ft.BaseControl):
        return was is now
    if isinstance(was, list) and isinstance(now, list):
        return len(was) == len(now) and all(map(_same, was, now))
    return bool(was == now)


def _name(one: Any) -> Any:
    return (one.key or getattr(one, "identifier", None)) if isinstance(one, ft.BaseControl) else None
