"""Small parts every page is made of. Whatever a person or a test must find carries a semantics identifier."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import flet as ft

from appliance.ui import theme

log = logging.getLogger(__name__)

Pressed = Callable[[], Any]


def quietly(pressed: Pressed) -> None:
    """Do what a press asks; a bug goes to the log, for Flet would show its trace to whoever stands there."""
    try:
        pressed()
    except Exception:
        log.exception("a press on the screen failed")


def words(
    text: str,
    size: float,
    *,
    color: str = theme.TEXT,
    weight: ft.FontWeight = ft.FontWeight.W_400,
    align: ft.TextAlign = ft.TextAlign.START,
    lines: int | None = None,
) -> ft.Text:
    """A text; with `lines` it is cut with an ellipsis after so many."""
    return ft.Text(
        text,
        size=size,
        color=color,
        weight=weight,
        text_align=align,
        max_lines=lines,
        overflow=ft.TextOverflow.ELLIPSIS if lines else ft.TextOverflow.CLIP,
    )


def named(identifier: str, content: ft.Control, label: str | None = None, **layout: Any) -> ft.Semantics:
    """The control under a name that stays the same in every language and layout."""
    return ft.Semantics(identifier=identifier, label=label, content=content, **layout)


def said(identifier: str, text: ft.Text, **layout: Any) -> ft.Semantics:
    """A text under a name, read out as itself and never merged into its neighbours."""
    return ft.Semantics(identifier=identifier, content=text, container=True, **layout)


def key(
    identifier: str,
    label: str,
    pressed: Pressed,
    *,
    width: float,
    height: float,
    content: ft.Control | None = None,
    size: float = 16,
    color: str = theme.TEXT,
    background: str = theme.RAISED,
    radius: float = 12,
) -> ft.Semantics:
    """A flat key of a given size with a text, or with any content and a spoken label."""
    face = content or words(label, size, color=color, weight=ft.FontWeight.W_600, align=ft.TextAlign.CENTER, lines=2)
    box = ft.Container(
        content=face,
        width=width,
        height=height,
        bgcolor=background,
        border_radius=radius,
        alignment=ft.Alignment.CENTER,
        ink=True,
        on_click=lambda _event: quietly(pressed),
    )
    return ft.Semantics(identifier=identifier, label=label, content=box, button=True, exclude_semantics=content is None)
