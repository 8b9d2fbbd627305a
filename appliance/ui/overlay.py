"""What lies over a staff page: the choices for a song, and the line that answers what was done."""

from __future__ import annotations

import flet as ft

from appliance.ui import theme
from appliance.ui.desk import Desk
from appliance.ui.line_view import LineView
from appliance.ui.redraw import redrawn
from appliance.ui.sheet import Sheet
from appliance.ui.state import ScreenState
from appliance.ui.texts import Texts
from appliance.ui.theme import Layout
from appliance.ui.voice import Voice
from appliance.ui.widgets import key, named, said, words

KEY_WIDTH = 170


class Overlay:
    """`controls` go last into the page's stack."""

    def __init__(self, layout: Layout, texts: Texts, desk: Desk, voice: Voice) -> None:
        self._layout = layout
        self._desk = desk
        self._voice = voice
        self._view: LineView | None = None
        self._mounted = False
        self._sheet = Sheet(layout, texts, voice)
        px = layout.px
        self._line = ft.Container(
            left=0,
            right=0,
            bottom=0,
            height=layout.line_height,
            bgcolor=theme.DEEP_BLUE,
            padding=ft.Padding.symmetric(horizontal=px(12)),
            border=ft.Border.only(top=ft.BorderSide(1, theme.LINE)),
            visible=False,
        )
        self.controls: list[ft.Control] = [self._line, self._sheet.control]

    def open(self, song_id: str) -> None:
        self._voice.open(song_id)

    def refresh(self, state: ScreenState) -> None:
        if self._sheet.show(state.sheet(self._desk)) and self._mounted:
            self._sheet.control.update()
        view = state.line(self._desk)
        if view != self._view:
            self._view = view
            self._line.visible = view is not None
            if view is not None:
                self._line.content = redrawn(self._line.content, self._drawn(view))
            if self._mounted:
                self._line.update()
        self._mounted = True

    def _drawn(self, view: LineView) -> ft.Control:
        px = self._layout.px
        icon = ft.Icons.HEADPHONES if view.key == "solo" else ft.Icons.INFO if view.warns else ft.Icons.CHECK_CIRCLE
        text = words(view.text, px(18), color=theme.ORANGE if view.warns else theme.TEXT,
                     weight=ft.FontWeight.W_600, lines=2)  # fmt: skip
        parts: list[ft.Control] = [
            ft.Icon(icon, size=px(30), color=theme.ORANGE if view.warns else theme.BLUE),
            said("line-text", text, expand=True),
        ]
        if view.count:
            parts.append(said("line-count", words(view.count, px(22), weight=ft.FontWeight.W_700, lines=1)))
        if view.key is not None:
            parts.append(self._key(view))
        row = ft.Row(parts, spacing=px(12), vertical_alignment=ft.CrossAxisAlignment.CENTER)
        return named("line", row)

    def _key(self, view: LineView) -> ft.Control:
        px = self._layout.px
        pressed = self._voice.take_back if view.key == "undo" else self._voice.end_solo
        return key(
            f"line-{view.key}", view.key_label, pressed, width=px(KEY_WIDTH), height=self._layout.line_height - 14,
            size=px(18), color=theme.INK, background=theme.BLUE,
        )  # fmt: skip
