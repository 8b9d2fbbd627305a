"""The PIN pad: staff's door."""

from __future__ import annotations

from collections.abc import Callable

import flet as ft

from appliance.ui import theme
from appliance.ui.durations import waiting_time
from appliance.ui.guard import PinGuard
from appliance.ui.state import ScreenState
from appliance.ui.texts import Texts
from appliance.ui.theme import Layout
from appliance.ui.widgets import key, named, said, words

LONGEST_PIN = 8


class PinPad:
    """What was entered so far, and what to say about it. Plain: no page is needed to try it."""

    def __init__(self, guard: PinGuard, texts: Texts) -> None:
        self._guard = guard
        self._texts = texts
        self._wrong = False
        self.entered = ""

    def press(self, digit: str) -> None:
        self._wrong = False
        if len(self.entered) < LONGEST_PIN and self._guard.wait_s() == 0:
            self.entered += digit

    def clear(self) -> None:
        self.entered = ""

    def enter(self) -> bool:
        """Is it the PIN? Empties the pad either way; nothing entered is no try."""
        given, self.entered = self.entered, ""
        if not given:
            return False
        admitted = self._guard.admits(given)
        self._wrong = not admitted
        return admitted

    @property
    def message(self) -> str:
        wait_s = self._guard.wait_s()
        if wait_s > 0:
            return self._texts.pin_wait.format(time=waiting_time(wait_s))
        if self._wrong and self._guard.tries_left() > 0:
            return f"{self._texts.pin_wrong}. {self._texts.pin_tries.format(count=self._guard.tries_left())}"
        return self._texts.pin_wrong if self._wrong else ""

    @property
    def dots(self) -> str:
        return "•" * len(self.entered) or "–"


class PinPage:
    """The pad on the right, what it is about on the left."""

    left_alone_s = 60.0

    def __init__(
        self,
        layout: Layout,
        texts: Texts,
        guard: PinGuard,
        opened: Callable[[], None],
        back: Callable[[], None],
        touched: Callable[[], None],
    ) -> None:
        self._layout = layout
        self._texts = texts
        self._pad = PinPad(guard, texts)
        self._opened = opened
        self._back = back
        self._touched = touched
        px = layout.px
        self._dots = words("–", px(44), weight=ft.FontWeight.W_700)
        self._message = words("", px(19), color=theme.ORANGE)
        self.control: ft.Control = ft.Container(
            ft.Row(
                [self._about(), self._keys()],
                alignment=ft.MainAxisAlignment.SPACE_BETWEEN,
                vertical_alignment=ft.CrossAxisAlignment.CENTER,
            ),
            width=layout.width,
            height=layout.height,
            bgcolor=theme.BACKGROUND,
            padding=px(24),
        )

    def refresh(self, state: ScreenState) -> None:
        """Called every tick: a running wait counts down."""
        self._show()

    def _show(self) -> None:
        for text, value in ((self._dots, self._pad.dots), (self._message, self._pad.message)):
            if text.value != value:
                text.value = value
                text.update()

    def _about(self) -> ft.Control:
        px = self._layout.px
        back = key("pin-back", self._texts.back, self._back, width=px(150), height=px(64), size=px(20))
        return ft.Column(
            [
                ft.Icon(ft.Icons.LOCK_OUTLINE, size=px(64), color=theme.BLUE),
                words(self._texts.enter_pin, px(36), weight=ft.FontWeight.W_700),
                said("pin-dots", self._dots),
                ft.Container(said("pin-message", self._message), height=px(60)),
                back,
            ],
            width=px(330),
            spacing=px(10),
            alignment=ft.MainAxisAlignment.CENTER,
        )

    def _keys(self) -> ft.Control:
        rows = [
            ft.Row([self._digit(digit) for digit in digits], spacing=self._layout.px(12))
            for digits in ("123", "456", "789")
        ]
        last = ft.Row(
            [
                self._key("pin-clear", self._texts.pin_clear, self._clear, theme.PANEL, self._layout.px(18)),
                self._digit("0"),
                self._key("pin-ok", self._texts.pin_ok, self._enter, theme.DEEP_BLUE, self._layout.px(20)),
            ],
            spacing=self._layout.px(12),
        )
        return named("pin-pad", ft.Column([*rows, last], spacing=self._layout.px(12), tight=True))

    def _digit(self, digit: str) -> ft.Control:
        return self._key(f"pin-{digit}", digit, lambda: self._press(digit), theme.RAISED, self._layout.px(32))

    def _key(self, name: str, label: str, pressed: Callable[[], None], background: str, size: float) -> ft.Control:
        px = self._layout.px
        return key(name, label, pressed, width=px(124), height=px(92), size=size, background=background)

    def _press(self, digit: str) -> None:
        self._touched()
        self._pad.press(digit)
        self._show()

    def _clear(self) -> None:
        self._pad.clear()
        self._show()

    def _enter(self) -> None:
        if self._pad.enter():
            self._opened()
        else:
            self._show()
