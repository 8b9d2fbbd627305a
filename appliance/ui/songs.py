"""The page of songs: what sounds, what comes next and what staff said, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import flet as ft

from appliance.ui import theme
from appliance.ui.overlay import Overlay
from appliance.ui.redraw import redrawn_all
from appliance.ui.sheet import ICONS
from appliance.ui.songs_view import SongRow, SongsView
from appliance.ui.state import ScreenState
from appliance.ui.texts import Texts
from appliance.ui.theme import Layout
from appliance.ui.voice import Voice
from appliance.ui.widgets import key, named, said, words

PAD = 16
GAP = 12
ROW_HEIGHT = 56
LIFT_WIDTH = 84
LIFT_GAP = 4
SHARES = (4, 4, 5)  # of the width: the last list has keys at its side


class SongsPage:
    """Three lists, redrawn when what they say changes; how far one was scrolled stays."""

    left_alone_s = 180.0

    def __init__(
        self,
        layout: Layout,
        texts: Texts,
        overlay: Overlay,
        voice: Voice,
        back: Callable[[], None],
        touched: Callable[[], None],
    ) -> None:
        self._layout = layout
        self._texts = texts
        self._overlay = overlay
        self._voice = voice
        self._back = back
        self._touched = touched
        self._view: SongsView | None = None
        room = layout.width - 2 * layout.px(PAD) - 2 * layout.px(GAP)
        self._widths = [room * share // sum(SHARES) for share in SHARES]
        self._lists = [self._list(width) for width in self._widths]
        self.control: ft.Control = self._drawn()

    def refresh(self, state: ScreenState) -> None:
        view = state.songs()
        before, self._view = self._view, view
        if view != before:
            for column, controls in zip(self._lists, self._filled(view), strict=True):
                column.controls = redrawn_all(column.controls, controls)
                if before is not None:
                    column.update()
        self._overlay.refresh(state)

    def _drawn(self) -> ft.Control:
        px = self._layout.px
        lists = ft.Row(
            list[ft.Control](self._lists),
            spacing=px(GAP),
            expand=True,
            vertical_alignment=ft.CrossAxisAlignment.STRETCH,
        )
        inside = ft.Container(
            ft.Column([self._top(), lists], spacing=px(4)),
            width=self._layout.width,
            height=self._layout.height,
            padding=ft.Padding.only(left=px(PAD), right=px(PAD), top=px(6)),
        )
        return ft.Container(
            named("song-lists", ft.Stack([inside, *self._overlay.controls])),
            width=self._layout.width,
            height=self._layout.height,
            bgcolor=theme.BACKGROUND,
        )

    def _top(self) -> ft.Control:
        px = self._layout.px
        back = key("songs-back", self._texts.back, self._back, width=px(100), height=px(52), size=px(18))
        return ft.Row(
            [
                back,
                words(self._texts.songs, px(28), weight=ft.FontWeight.W_700, lines=1),
                ft.Container(words(self._texts.songs_hint, px(17), color=theme.MUTED_TEXT, lines=1), expand=True),
            ],
            spacing=px(16),
            height=px(58),
            vertical_alignment=ft.CrossAxisAlignment.CENTER,
        )

    def _list(self, width: int) -> ft.Column:
        return ft.Column(
            width=width,
            spacing=self._layout.px(6),
            scroll=ft.ScrollMode.AUTO,
            on_scroll=lambda _event: self._touched(),
        )

    def _filled(self, view: SongsView) -> list[list[ft.Control]]:
        texts, widths = self._texts, self._widths
        return [
            self._rows("playing", texts.now_playing, view.playing, texts.empty_strips, widths[0]),
            self._rows("coming", texts.coming_next, view.coming, texts.nothing_next, widths[1]),
            self._rows("said", texts.set_by_staff, view.said, texts.nothing_set, widths[2]),
        ]

    def _rows(self, name: str, heading: str, rows: Sequence[SongRow], nothing: str, width: int) -> list[ft.Control]:
        """One list under its heading; at its end room for the line, so that it hides no row."""
        px = self._layout.px
        drawn = [self._row(f"{name}-{number}", row, width) for number, row in enumerate(rows, start=1)]
        return [
            words(heading, px(16), color=theme.MUTED_TEXT, weight=ft.FontWeight.W_600, lines=1),
            *(drawn or [said(f"{name}-none", words(nothing, px(16), lines=3))]),
            ft.Container(height=self._layout.line_height),
        ]

    def _row(self, name: str, row: SongRow, width: int) -> ft.Control:
        px = self._layout.px
        song = key(
            name,
            self._texts.choices.format(title=row.title),
            lambda: self._voice.open(row.song_id),
            width=width - (px(LIFT_WIDTH + LIFT_GAP) if row.word else 0),
            height=px(ROW_HEIGHT),
            content=ft.Container(self._face(name, row), padding=ft.Padding.symmetric(horizontal=px(10))),
            background=theme.PANEL,
        )
        if row.word is None:
            song.key = row.song_id  # a finger stays on its song when the list goes another way
            return song
        lift = key(
            f"{name}-lift", row.lift, lambda: self._voice.say(row.song_id, None), width=px(LIFT_WIDTH),
            height=px(ROW_HEIGHT), size=px(14),
        )  # fmt: skip
        return ft.Row([song, lift], key=row.song_id, spacing=px(LIFT_GAP))

    def _face(self, name: str, row: SongRow) -> ft.Control:
        """A mark for its kind, or for the word on it; its title; and what there is to tell."""
        px = self._layout.px
        kind = ft.Icons.MUSIC_NOTE if row.kind == "instrumental" else ft.Icons.GRAPHIC_EQ
        mark = ft.Icon(
            ICONS[row.word] if row.word else kind, size=px(20), color=theme.ORANGE if row.word else theme.BLUE
        )
        lines = ft.Column(
            [
                said(f"{name}-title", words(row.title, px(16), weight=ft.FontWeight.W_600, lines=1)),
                words(row.told, px(13), color=theme.ORANGE if row.staffs else theme.MUTED_TEXT, lines=1),
            ],
            spacing=0,
            expand=True,
            alignment=ft.MainAxisAlignment.CENTER,
        )
        return ft.Row([mark, lines], spacing=px(8), vertical_alignment=ft.CrossAxisAlignment.CENTER)
