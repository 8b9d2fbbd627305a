"""Taking one's history along: a QR for the phone on the left, digits from the phone on the right."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import flet as ft
import segno

from appliance import handover
from appliance.store import Store
from appliance.ui import theme
from appliance.ui.feed import Feed
from appliance.ui.keep_pad import KeepPad
from appliance.ui.room_view import RoomView
from appliance.ui.state import ScreenState
from appliance.ui.texts import Texts
from appliance.ui.theme import Layout
from appliance.ui.widgets import key, named, said, words

QR_SCALE = 8
QUIET_MODULES = 4
BOLD = ft.FontWeight.W_700


class KeepPage:
    """For the listener of one tap; whoever taps next takes the screen back to the room.

    later: runs a call on the screen's loop, where alone anything here may change. Answers are shown by `refresh`: when
    they come, the page may not be there yet, or no more.
    """

    left_alone_s = 60.0

    def __init__(
        self,
        layout: Layout,
        texts: Texts,
        view: RoomView,
        name: str,
        cloud_url: str,
        feed: Feed,
        back: Callable[[], None],
        touched: Callable[[], None],
        later: Callable[[Callable[[], None]], None],
    ) -> None:
        self._layout = layout
        self._texts = texts
        self._view = view
        self._feed = feed
        self._back = back
        self._touched = touched
        self._later = later
        self._pad = KeepPad(texts)
        self._cloud = False
        self._asking: str | None = None
        self._address = ""
        px = layout.px
        self._digits = words(self._pad.shown, px(34), weight=BOLD)
        self._message = words("", px(17), color=theme.ORANGE, lines=2)
        side = px(236)
        self._qr = ft.Container(width=side, height=side, bgcolor=theme.RAISED, border_radius=px(12))
        self.control: ft.Control = self._drawn(name)
        profile_id = view.voter
        assert profile_id is not None, "the key stands where somebody is known"
        self._do(lambda store: handover.offer(store, cloud_url, profile_id), self._take_offer)

    def refresh(self, state: ScreenState) -> None:
        """Somebody else tapped: their answer is more urgent. A code was asked about: look for the answer."""
        tap = state.facts.tap
        if tap is not None and tap.tap_id != self._view.tap_id:
            self._back()
            return
        self._cloud = state.facts.links.cloud is True
        self._show()
        if self._asking is not None:
            op_id = self._asking
            self._do(lambda store: handover.identity(store).take_answer(op_id), self._take_answer)

    def _drawn(self, name: str) -> ft.Control:
        px = self._layout.px
        left = ft.Column(
            [
                said("keep-title", words(self._texts.keep_title.format(name=name), px(25), weight=BOLD, lines=2)),
                named("keep-qr", self._qr, label=self._texts.keep_scan, container=True, image=True),
                said("keep-scan", words(self._texts.keep_scan, px(16), color=theme.MUTED_TEXT, lines=2)),
                key("keep-back", self._texts.back, self._back, width=px(150), height=px(52), size=px(18)),
            ],
            width=px(330),
            spacing=px(10),
            alignment=ft.MainAxisAlignment.CENTER,
        )
        right = ft.Column(
            [
                said("keep-type", words(self._texts.keep_type, px(17), lines=2)),
                said("keep-digits", self._digits),
                self._keys(),
                ft.Container(said("keep-message", self._message), height=px(46)),
            ],
            width=px(390),
            spacing=px(8),
            alignment=ft.MainAxisAlignment.CENTER,
        )
        return ft.Container(
            ft.Row(
                [left, right],
                alignment=ft.MainAxisAlignment.SPACE_BETWEEN,
                vertical_alignment=ft.CrossAxisAlignment.CENTER,
            ),
            width=self._layout.width,
            height=self._layout.height,
            bgcolor=theme.BACKGROUND,
            padding=ft.Padding.symmetric(horizontal=px(24), vertical=px(10)),
        )

    def _keys(self) -> ft.Control:
        px = self._layout.px
        rows: list[ft.Control] = [
            ft.Row([self._key(digit) for digit in digits], spacing=px(8)) for digits in ("12345", "67890")
        ]
        clear = key("keep-clear", self._texts.pin_clear, self._clear, width=px(150), height=px(52), size=px(17))
        return named("keep-pad", ft.Column([*rows, clear], spacing=px(8), tight=True))

    def _key(self, digit: str) -> ft.Control:
        px = self._layout.px
        return key(
            f"keep-{digit}", digit, lambda: self._press(digit), width=px(68), height=px(76), size=px(28),
        )  # fmt: skip

    def _press(self, digit: str) -> None:
        self._touched()
        code, profile_id = self._pad.press(digit, cloud=self._cloud), self._view.voter
        self._show()
        if code is not None and profile_id is not None:
            self._do(lambda store: handover.identity(store).link(profile_id, code), self._ask)

    def _clear(self) -> None:
        self._touched()
        self._pad.clear()
        self._show()

    def _ask(self, op_id: str) -> None:
        self._asking = op_id

    def _take_answer(self, verdict: str | None) -> None:
        if verdict is None or self._asking is None:
            return
        self._asking = None
        self._touched()
        self._pad.answered(verdict)

    def _take_offer(self, address: str) -> None:
        self._address = address

    def _show(self) -> None:
        if self._address and self._qr.content is None:
            self._qr.content = ft.Image(src=_picture(self._address), filter_quality=ft.FilterQuality.NONE)
            self._qr.bgcolor = "#FFFFFF"
            self._qr.update()
        for text, value in ((self._digits, self._pad.shown), (self._message, self._pad.message)):
            if text.value != value:
                text.value = value
                text.update()

    def _do(self, job: Callable[[Store], Any], then: Callable[[Any], None]) -> None:
        self._feed.do(job).add_done_callback(lambda answer: self._later(lambda: self._done(answer, then)))

    def _done(self, answer: Future[Any], then: Callable[[Any], None]) -> None:
        if answer.exception() is None:
            then(answer.result())
            return
        self._asking = None
        self._pad.failed()


def _picture(address: str) -> bytes:
    """The address as a QR, a PNG with the quiet zone that phones need."""
    picture = io.BytesIO()
    segno.make(address, error="m", micro=False).save(picture, kind="png", scale=QR_SCALE, border=QUIET_MODULES)
    return picture.getvalue()
