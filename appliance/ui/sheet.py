"""The sheet a song's choices lie on: it comes up from the bottom, where a thumb is."""

from __future__ import annotations

import flet as ft

from appliance.ui import theme
from appliance.ui.redraw import redrawn
from appliance.ui.sheet_view import Choice, ChoiceView, SheetView
from appliance.ui.texts import Texts
from appliance.ui.theme import Layout
from appliance.ui.voice import Voice
from appliance.ui.widgets import key, named, quietly, said, words

ICONS: dict[Choice, ft.IconData] = {
    "solo": ft.Icons.HEADPHONES,
    "pin": ft.Icons.PUSH_PIN,
    "skip": ft.Icons.SKIP_NEXT,
    "ban": ft.Icons.BLOCK,
    "place": ft.Icons.PLAYLIST_PLAY,
}
PAD = 20
GAP = 12
CHOICES = 4
CENTER = ft.TextAlign.CENTER


class Sheet:
    """Over a page that it darkens; a touch beside it puts it away."""

    def __init__(self, layout: Layout, texts: Texts, voice: Voice) -> None:
        self._layout = layout
        self._texts = texts
        self._voice = voice
        self._view: SheetView | None = None
        self._panel = ft.Container(
            left=0,
            right=0,
            bottom=0,
            bgcolor=theme.PANEL,
            border_radius=ft.BorderRadius.only(top_left=layout.px(20), top_right=layout.px(20)),
            padding=layout.px(PAD),
        )
        scrim = ft.Container(
            left=0, top=0, right=0, bottom=0, bgcolor=theme.SCRIM, on_click=lambda _event: quietly(self._close)
        )
        self.control = ft.Stack(
            [scrim, self._panel], width=layout.width, height=layout.height, visible=False, left=0, top=0
        )

    def show(self, view: SheetView | None) -> bool:
        """Take on other choices; True when there is something to send."""
        if view == self._view:
            return False
        self._view = view
        self.control.visible = view is not None
        if view is not None:
            self._panel.content = redrawn(self._panel.content, self._drawn(view))
        return True

    def _drawn(self, view: SheetView) -> ft.Control:
        px = self._layout.px
        close = key(
            "sheet-close", self._texts.close, self._close, width=px(64), height=px(56),
            content=ft.Icon(ft.Icons.CLOSE, size=px(28), color=theme.TEXT),
        )  # fmt: skip
        told = words(view.told, px(17), color=theme.ORANGE if view.staffs else theme.MUTED_TEXT, lines=2)
        head = ft.Column(
            [
                said("sheet-title", words(view.title, px(26), weight=ft.FontWeight.W_700, lines=2)),
                said("sheet-told", told),
            ],
            spacing=px(4),
            expand=True,
        )
        top = ft.Row([head, close], spacing=px(GAP), vertical_alignment=ft.CrossAxisAlignment.START)
        choices = ft.Row([self._choice(view, choice) for choice in view.choices], spacing=px(GAP))
        return named("sheet", ft.Column([top, choices], spacing=px(16), tight=True))

    def _choice(self, view: SheetView, choice: ChoiceView) -> ft.Control:
        """A key with its mark, what it does, and for how long."""
        px = self._layout.px
        colour, quiet = (theme.INK, theme.INK) if choice.on else (theme.TEXT, theme.MUTED_TEXT)
        face = ft.Column(
            [
                ft.Icon(ICONS[choice.name], size=px(40), color=theme.INK if choice.on else theme.BLUE),
                words(choice.label, px(19), color=colour, weight=ft.FontWeight.W_700, align=CENTER, lines=2),
                words(choice.hint, px(14), color=quiet, align=CENTER, lines=2),
            ],
            spacing=px(4),
            alignment=ft.MainAxisAlignment.CENTER,
            horizontal_alignment=ft.CrossAxisAlignment.CENTER,
        )
        width = (self._layout.width - 2 * px(PAD) - (CHOICES - 1) * px(GAP)) // CHOICES
        background = theme.RAISED if not choice.on else theme.BLUE if choice.name == "solo" else theme.ORANGE
        drawn = key(
            f"choose-{choice.name}", choice.label, lambda: self._choose(view, choice), width=width,
            height=px(150), content=face, background=background, radius=px(16),
        )  # fmt: skip
        drawn.toggled = choice.on
        return drawn

    def _choose(self, view: SheetView, choice: ChoiceView) -> None:
        if choice.name == "solo":
            if choice.on:
                self._voice.end_solo()
            else:
                self._voice.listen_to(view.song_id)
        else:
            self._voice.say(view.song_id, None if choice.on else choice.name, sounding=view.sounding)

    def _close(self) -> None:
        self._voice.open(None)
