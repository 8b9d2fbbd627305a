"""The mixer page: sixteen strips, the master, and all meters."""

from __future__ import annotations

from collections.abc import Callable

import flet as ft

from appliance.ui import theme
from appliance.ui.fader import decibels, gain_at, position_of
from appliance.ui.hands import Hands
from appliance.ui.meters import METER_WIDTH, Meters
from appliance.ui.mixer_view import MixerView
from appliance.ui.overlay import Overlay
from appliance.ui.state import ScreenState
from appliance.ui.strip import Strip
from appliance.ui.texts import Texts
from appliance.ui.theme import Layout
from appliance.ui.widgets import key, named, quietly, said, words

BACK_WIDTH = 84
LEVEL_WIDTH = 62
KEY_WIDTH = 98
GAP = 8


class MixerPage:
    """Sends a message for what changed: a strip, the top line, or the meters."""

    left_alone_s = 180.0

    def __init__(
        self,
        layout: Layout,
        texts: Texts,
        hands: Hands,
        overlay: Overlay,
        back: Callable[[], None],
        songs: Callable[[], None],
    ) -> None:
        self._layout = layout
        self._texts = texts
        self._hands = hands
        self._overlay = overlay
        self._back = back
        self._songs = songs
        self._view: MixerView | None = None
        self._gripped = False
        self._mounted = False
        self._strips = [Strip(number, layout, texts, hands, overlay.open) for number in range(1, theme.STRIPS + 1)]
        self._master = self._master_slider()
        self._level = words("0", 18, weight=ft.FontWeight.W_700, lines=1)
        self._mute = self._top_key("master-mute", texts.mute_all, self._press_mute)
        self._hush = self._top_key("master-hush", texts.hush, self._press_hush)
        self._let_go = self._top_key("let-go-all", texts.let_go_all, self._press_let_go)
        self._why = words("", 14, lines=1)
        self._status = words("", 14, color=theme.MUTED_TEXT, lines=1)
        self._top = ft.Container(
            self._top_row(), height=layout.top_height, padding=ft.Padding.symmetric(horizontal=GAP)
        )
        self._meters = Meters(layout, self._master_meter_place())
        self._info = self._info_row()
        self.control: ft.Control = self._drawn()

    def refresh(self, state: ScreenState) -> None:
        view = state.mixer()
        before, self._view = self._view, view
        if view != before:
            self._show(view, before)
        if self._mounted:
            self._meters.show(state.meters())
        self._overlay.refresh(state)
        self._mounted = True

    def say(self, message: str) -> None:
        """One line about something that went wrong, until the next change."""
        self._why.value, self._why.color = message, theme.ORANGE
        self._info.update()

    def _show(self, view: MixerView, before: MixerView | None) -> None:
        for index, (strip, face) in enumerate(zip(self._strips, view.strips, strict=True)):
            if before is None or before.strips[index] != face:
                strip.show(face)
                self._send(strip.control)
        if before is None or _top_of(before) != _top_of(view):
            self._dress_top(view)
            self._send(self._top)
        if before is None or (before.why, before.status) != (view.why, view.status):
            self._why.value, self._why.color = view.why, theme.TEXT
            self._status.value = view.status
            self._send(self._info)

    def _send(self, control: ft.Control) -> None:
        if self._mounted:
            control.update()

    def _dress_top(self, view: MixerView) -> None:
        if not self._gripped:
            self._master.value = view.master_position
            self._level.value = self._level_text(view.master_level)
        _dress_key(self._mute, self._texts.unmute_all if view.mute else self._texts.mute_all, on=view.mute)
        _dress_key(self._hush, self._texts.hush_off if view.hush else self._texts.hush, on=view.hush)
        self._let_go.disabled = not view.any_held
        self._let_go.opacity = 1.0 if view.any_held else 0.35
        self._top.bgcolor = theme.DEEP_BLUE if view.mute or view.hush else theme.PANEL

    def _drawn(self) -> ft.Control:
        column = ft.Column(
            [self._top, ft.Row([strip.control for strip in self._strips], spacing=0), self._info],
            spacing=0,
        )
        return ft.Container(
            named(
                "mixer",
                ft.Stack(
                    [
                        self._zero_line(),
                        column,
                        ft.TransparentPointer(self._meters.control),
                        *self._overlay.controls,
                    ]
                ),
            ),
            width=self._layout.width,
            height=self._layout.height,
            bgcolor=theme.BACKGROUND,
        )

    def _zero_line(self) -> ft.Control:
        """Where 0 dB is, behind all faders."""
        way = self._layout.fader_height - 2 * theme.THUMB_MARGIN
        top = self._layout.fader_top + theme.THUMB_MARGIN + round((1 - position_of(0.0)) * way)
        return ft.Container(left=0, top=top, width=self._layout.width, height=1, bgcolor=theme.LINE)

    def _top_row(self) -> ft.Control:
        back = key(
            "mixer-back", self._texts.back, self._back, width=BACK_WIDTH, height=theme.TOUCH, background=theme.RAISED
        )
        return ft.Row(
            [
                back,
                self._top_key("songs", self._texts.songs, self._songs),
                named("master-fader", self._master, self._texts.master),
                ft.Column(
                    [words(self._texts.master, 13, color=theme.MUTED_TEXT, lines=1), said("master-level", self._level)],
                    width=LEVEL_WIDTH,
                    spacing=0,
                    alignment=ft.MainAxisAlignment.CENTER,
                ),
                self._mute,
                self._hush,
                self._let_go,
            ],
            spacing=GAP,
            vertical_alignment=ft.CrossAxisAlignment.CENTER,
        )

    def _master_width(self) -> int:
        taken = BACK_WIDTH + LEVEL_WIDTH + 4 * KEY_WIDTH + 8 * GAP
        return self._layout.width - taken

    def _master_meter_place(self) -> tuple[int, int, int]:
        left = GAP + BACK_WIDTH + GAP + KEY_WIDTH + GAP + theme.THUMB_MARGIN
        return left, self._layout.top_height - METER_WIDTH, self._master_width() - 2 * theme.THUMB_MARGIN

    def _master_slider(self) -> ft.Slider:
        return ft.Slider(
            value=0.0,
            min=0.0,
            max=1.0,
            width=self._master_width(),
            height=theme.TOUCH,
            padding=ft.Padding.symmetric(horizontal=theme.THUMB_MARGIN),
            active_color=theme.TRACK,
            inactive_color=theme.LINE,
            thumb_color=theme.TEXT,
            on_change_start=lambda _event: quietly(self._grip),
            on_change=lambda _event: quietly(self._drag),
            on_change_end=lambda _event: quietly(self._release),
        )

    def _info_row(self) -> ft.Row:
        width = self._layout.width
        return ft.Row(
            [
                ft.Container(said("mixer-why", self._why), width=width * 0.62, padding=ft.Padding.only(left=GAP)),
                ft.Container(
                    said("mixer-status", self._status),
                    width=width * 0.38,
                    padding=ft.Padding.only(right=GAP),
                    alignment=ft.Alignment.CENTER_RIGHT,
                ),
            ],
            spacing=0,
            height=self._layout.info_height,
            vertical_alignment=ft.CrossAxisAlignment.CENTER,
        )

    def _top_key(self, name: str, label: str, pressed: Callable[[], None]) -> ft.Semantics:
        return key(name, label, pressed, width=KEY_WIDTH, height=theme.TOUCH, size=15)

    def _level_text(self, level: str) -> str:
        return self._texts.off if level == "off" else level

    def _grip(self) -> None:
        self._gripped = True

    def _drag(self) -> None:
        gain_db = gain_at(float(self._master.value or 0))
        self._hands.drag_master(gain_db)
        self._level.value = self._level_text(decibels(gain_db))
        self._level.update()

    def _release(self) -> None:
        self._gripped = False
        self._hands.drop_master(gain_at(float(self._master.value or 0)))

    def _press_mute(self) -> None:
        if self._view:
            self._hands.mute_all(mute=not self._view.mute)

    def _press_hush(self) -> None:
        if self._view:
            self._hands.hush(hush=not self._view.hush)

    def _press_let_go(self) -> None:
        if self._view:
            self._hands.let_go([strip.song_id for strip in self._view.strips if strip and strip.held])


def _top_of(view: MixerView) -> tuple[object, ...]:
    return view.master_position, view.master_level, view.mute, view.hush, view.any_held


def _dress_key(key_control: ft.Semantics, label: str, *, on: bool) -> None:
    """A key that is on is orange, says what a press will end, and is read out as pressed."""
    box = key_control.content
    assert isinstance(box, ft.Container)
    box.bgcolor = theme.ORANGE if on else theme.RAISED
    box.content = words(
        label, 15, color=theme.INK if on else theme.TEXT, weight=ft.FontWeight.W_600, align=ft.TextAlign.CENTER, lines=2
    )
    key_control.label = label
    key_control.toggled = on
