"""One strip of the mixer page: the song's key, fader, level, mute, and the way to let go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flet as ft

from appliance.ui import theme
from appliance.ui.fader import decibels, gain_at
from appliance.ui.hands import Hands
from appliance.ui.meters import METER_WIDTH
from appliance.ui.mixer_view import StripView
from appliance.ui.texts import Texts
from appliance.ui.theme import Layout
from appliance.ui.widgets import key, named, quietly, said, words

EMPTY_OPACITY = 0.25
UNHEARD_OPACITY = 0.45


class Strip:
    """Changes its own few controls. A thumb under a finger is never moved by the box."""

    def __init__(
        self, number: int, layout: Layout, texts: Texts, hands: Hands, open_song: Callable[[str], None]
    ) -> None:
        self._number = number
        self._open_song = open_song
        self._layout = layout
        self._texts = texts
        self._hands = hands
        self._view: StripView | None = None
        self._gripped: str | None = None
        width = layout.strip_width
        self._title = words(str(number), 13 if layout.wide else 11, align=ft.TextAlign.CENTER, lines=3)
        title = said(f"strip-{number}-title", self._title)
        self._song = key(
            f"strip-{number}-song", texts.strip.format(number=number), self._press_song,
            width=width - theme.GAP, height=layout.title_height - theme.GAP, content=title, radius=8,
        )  # fmt: skip
        self._level = words("", 14, align=ft.TextAlign.CENTER, lines=1, weight=ft.FontWeight.W_600)
        self._slider = self._fader()
        self._mute_icon = ft.Icon(ft.Icons.VOLUME_UP, size=26, color=theme.TEXT)
        self._mute = key(
            f"strip-{number}-mute", texts.strip.format(number=number), self._press_mute,
            width=width - theme.GAP, height=theme.TOUCH, content=self._mute_icon, radius=8,
        )  # fmt: skip
        self._mute.toggled = False  # a part that becomes a toggle later loses its name in the client
        self._let_go = key(
            f"strip-{number}-let-go", "", self._press_let_go, width=width - theme.GAP, height=theme.TOUCH,
            content=self._held_mark(), background=theme.ORANGE, radius=8,
        )  # fmt: skip
        self._let_go.visible = False
        self._column = self._drawn()
        self.control: ft.Control = self._column

    def show(self, view: StripView | None) -> None:
        """Take on a new face; nothing is sent when it is the old one."""
        if view == self._view:
            return
        self._view = view
        self._column.opacity = _opacity(view)
        self._slider.disabled = view is None
        if view is not None:
            self._dress(view)
        else:
            self._undress()

    def _undress(self) -> None:
        """Nothing sounds here: a number, a thumb at the bottom."""
        self._title.value, self._title.color = str(self._number), theme.TEXT
        _container(self._song).bgcolor = theme.RAISED
        self._song.label = self._texts.strip.format(number=self._number)
        self._slider.value, self._slider.active_color = 0.0, theme.TRACK
        self._level.value = ""
        self._let_go.visible = False
        self._mute_icon.icon, self._mute_icon.color = ft.Icons.VOLUME_UP, theme.TEXT
        _container(self._mute).bgcolor = theme.RAISED
        self._mute.label, self._mute.toggled = self._texts.strip.format(number=self._number), False

    def _dress(self, view: StripView) -> None:
        self._dress_song(view)
        if self._gripped is None:
            self._slider.value = view.position
            self._level.value = self._texts.off if view.level == "off" else view.level
        self._slider.active_color = theme.ORANGE if view.held else theme.TRACK
        self._mute_icon.icon = ft.Icons.VOLUME_OFF if view.muted else ft.Icons.VOLUME_UP
        self._mute_icon.color = theme.INK if view.muted else theme.TEXT
        _container(self._mute).bgcolor = theme.TEXT if view.muted else theme.RAISED
        self._mute.label = (self._texts.unmute if view.muted else self._texts.mute).format(title=view.title)
        self._mute.toggled = view.muted
        self._let_go.visible = view.held
        self._let_go.label = f"{self._texts.held}, {self._texts.let_go}: {view.title}"

    def _dress_song(self, view: StripView) -> None:
        """Orange is what staff said of it, blue what is heard alone."""
        leaving = view.word in ("skip", "ban")
        said = view.alone or (view.word is not None and not leaving)
        self._title.value = self._texts.leaving if leaving else view.title
        self._title.size = self._title_size(self._title.value)
        self._title.color = theme.INK if said else theme.ORANGE if view.held else theme.TEXT
        background = theme.BLUE if view.alone else theme.ORANGE if said else theme.RAISED
        _container(self._song).bgcolor = background
        self._song.label = self._texts.choices.format(title=view.title)

    def _title_size(self, title: str) -> int:
        """Small enough that a long word is not broken where it hurts."""
        longest = max(len(word) for word in title.split())
        if self._layout.wide:
            return 13 if longest <= 11 else 11
        return 11 if longest <= 7 else 10

    def _drawn(self) -> ft.Column:
        layout = self._layout
        fader = ft.Container(
            named(f"strip-{self._number}-fader", ft.RotatedBox(quarter_turns=3, content=self._slider)),
            height=layout.fader_height,
            width=layout.strip_width,
            padding=ft.Padding.only(right=METER_WIDTH),
            alignment=ft.Alignment.CENTER,
        )
        return ft.Column(
            [
                ft.Container(self._song, height=layout.title_height, alignment=ft.Alignment.CENTER),
                fader,
                ft.Container(said(f"strip-{self._number}-level", self._level), height=20),
                _spaced(self._mute),
                _spaced(self._let_go),
            ],
            width=layout.strip_width,
            spacing=0,
            horizontal_alignment=ft.CrossAxisAlignment.CENTER,
            opacity=EMPTY_OPACITY,
        )

    def _fader(self) -> ft.Slider:
        return ft.Slider(
            value=0.0,
            min=0.0,
            max=1.0,
            width=self._layout.fader_height,
            height=theme.TOUCH - METER_WIDTH,
            padding=ft.Padding.symmetric(horizontal=theme.THUMB_MARGIN),
            active_color=theme.TRACK,
            inactive_color=theme.LINE,
            thumb_color=theme.TEXT,
            disabled=True,
            on_change_start=lambda _event: quietly(self._grip),
            on_change=lambda event: quietly(lambda: self._drag(event)),
            on_change_end=lambda _event: quietly(self._release),
        )

    def _held_mark(self) -> ft.Control:
        held = words(self._texts.held, 12, color=theme.INK, weight=ft.FontWeight.W_700, lines=1)
        let_go = words(self._texts.let_go, 12, color=theme.INK, lines=1)
        return ft.Column(
            [held, let_go],
            spacing=0,
            alignment=ft.MainAxisAlignment.CENTER,
            horizontal_alignment=ft.CrossAxisAlignment.CENTER,
        )

    def _grip(self) -> None:
        self._gripped = self._view.song_id if self._view else None

    def _drag(self, _event: Any) -> None:
        song_id = self._gripped or (self._view.song_id if self._view else None)
        if song_id is None:
            return
        gain_db = gain_at(float(self._slider.value or 0))
        self._hands.drag(song_id, gain_db)
        level = decibels(gain_db)
        self._level.value = self._texts.off if level == "off" else level
        self._level.update()

    def _release(self) -> None:
        song_id = self._gripped or (self._view.song_id if self._view else None)
        self._gripped = None
        if song_id is not None:
            self._hands.drop(song_id, gain_at(float(self._slider.value or 0)))

    def _press_song(self) -> None:
        if self._view:
            self._open_song(self._view.song_id)

    def _press_mute(self) -> None:
        if self._view:
            self._hands.mute(self._view.song_id, muted=not self._view.muted)

    def _press_let_go(self) -> None:
        if self._view:
            self._hands.let_go([self._view.song_id])


def _opacity(view: StripView | None) -> float:
    if view is None:
        return EMPTY_OPACITY
    return UNHEARD_OPACITY if view.unheard or view.word in ("skip", "ban") else 1.0


def _spaced(key_control: ft.Control) -> ft.Control:
    return ft.Container(key_control, height=theme.TOUCH + theme.GAP, alignment=ft.Alignment.TOP_CENTER)


def _container(key_control: ft.Semantics) -> ft.Container:
    content = key_control.content
    assert isinstance(content, ft.Container)
    return content
