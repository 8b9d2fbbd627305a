"""The room display: what plays and why, who is here, and the answer to a tap."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import flet as ft

from appliance.ui import theme
from appliance.ui.redraw import redrawn
from appliance.ui.room_view import LayerView, RoomView
from appliance.ui.state import ScreenState
from appliance.ui.texts import Texts
from appliance.ui.theme import Layout
from appliance.ui.widgets import key, named, said, words

FACES = (
    ft.Icons.SENTIMENT_VERY_DISSATISFIED,
    ft.Icons.SENTIMENT_DISSATISFIED,
    ft.Icons.SENTIMENT_NEUTRAL,
    ft.Icons.SENTIMENT_SATISFIED,
    ft.Icons.SENTIMENT_VERY_SATISFIED,
)
BOLD = ft.FontWeight.W_700
CENTER = ft.TextAlign.CENTER


class RoomPage:
    """Redrawn when what it says changes; while a face may be chosen only the countdown moves.

    vote: called with the view the face stood in and the value 1 … 5. keep: with the view of whoever wants to take
    their history along; None where there is nowhere to take it.
    """

    left_alone_s = math.inf

    def __init__(
        self,
        layout: Layout,
        texts: Texts,
        vote: Callable[[RoomView, int], None],
        open_staff: Callable[[], None] | None,
        keep: Callable[[RoomView], None] | None = None,
    ) -> None:
        self._layout = layout
        self._texts = texts
        self._vote = vote
        self._open_staff = open_staff
        self._keep = keep
        self._view: RoomView | None = None
        self._countdown = ft.ProgressBar(
            key="countdown", value=1, color=theme.BLUE, bgcolor=theme.RAISED, bar_height=10, expand=True
        )
        self._body = ft.Container(width=layout.width, height=layout.height, bgcolor=theme.BACKGROUND)
        self.control: ft.Control = self._body

    def refresh(self, state: ScreenState) -> None:
        view = state.room()
        before, self._view = self._view, view
        if view == before:
            return
        self._countdown.value = view.countdown
        if before is not None and replace(before, countdown=view.countdown) == view:
            self._countdown.update()
            return
        self._body.content = redrawn(self._body.content, self._drawn(view))
        if before is not None:
            self._body.update()

    def _drawn(self, view: RoomView) -> ft.Control:
        drawings = {
            "invite": self._invite,
            "no_reader": self._invite,
            "no_way_in": self._invite,
            "playing": self._playing,
            "faces": self._faces,
            "thanks": self._thanks,
        }
        return drawings.get(view.mode, self._message)(view)

    def _invite(self, view: RoomView) -> ft.Control:
        """Nobody is here: one thing to do, readable from the door; what plays stays small below."""
        px = self._layout.px
        hero = ft.Row(
            [
                self._card_mark() if view.mode == "invite" else self._away_mark(view),
                ft.Column(
                    [
                        said("headline", words(view.headline, px(56), weight=BOLD)),
                        said("detail", words(view.detail, px(20), color=theme.MUTED_TEXT)),
                    ],
                    spacing=px(10),
                    alignment=ft.MainAxisAlignment.CENTER,
                    expand=True,
                ),
            ],
            spacing=px(36),
            expand=True,
            vertical_alignment=ft.CrossAxisAlignment.CENTER,
        )
        return self._framed(view, [hero, self._playing_strip(view)])

    def _playing(self, view: RoomView) -> ft.Control:
        px = self._layout.px
        return self._framed(
            view,
            [
                ft.Row(
                    [self._now_playing(view), self._people(view)],
                    spacing=px(20),
                    expand=True,
                    vertical_alignment=ft.CrossAxisAlignment.STRETCH,
                ),
                self._tap_line(view),
            ],
        )

    def _faces(self, view: RoomView) -> ft.Control:
        px = self._layout.px
        faces = ft.Row(
            [self._face(view, value) for value in range(1, 6)],
            alignment=ft.MainAxisAlignment.SPACE_BETWEEN,
        )
        return self._framed(
            view,
            [
                said("headline", words(view.headline, px(44), weight=BOLD, align=CENTER, lines=1)),
                said("detail", words(view.detail, px(19), color=theme.MUTED_TEXT, align=CENTER, lines=1)),
                said("question", words(view.question, px(28), weight=ft.FontWeight.W_600, align=CENTER, lines=1)),
                faces,
                *self._keep_key(view),
                ft.Row([self._countdown]),
            ],
            align=ft.MainAxisAlignment.SPACE_EVENLY,
        )

    def _face(self, view: RoomView, value: int) -> ft.Control:
        px = self._layout.px
        word = self._texts.faces[value - 1]
        colour = theme.FACE_COLOURS[value - 1]
        content = ft.Column(
            [
                ft.Icon(FACES[value - 1], size=px(104), color=colour),
                words(word, px(17), align=CENTER, lines=1, weight=ft.FontWeight.W_600),
            ],
            spacing=px(4),
            alignment=ft.MainAxisAlignment.CENTER,
            horizontal_alignment=ft.CrossAxisAlignment.CENTER,
        )
        side = (self._layout.width - px(2 * 24 + 4 * 12)) // 5
        return key(
            f"face-{value}",
            word,
            lambda: self._vote(view, value),
            width=side,
            height=px(166),
            content=content,
            background=theme.PANEL,
            radius=px(20),
        )

    def _keep_key(self, view: RoomView) -> list[ft.Control]:
        """A quiet key: whoever came to rate shall not stumble over it."""
        px, keep = self._layout.px, self._keep
        if keep is None or view.voter is None:
            return []
        return [
            key("keep", self._texts.keep, lambda: keep(view), width=px(330), height=px(48), size=px(17),
                background=theme.PANEL)
        ]  # fmt: skip

    def _thanks(self, view: RoomView) -> ft.Control:
        chosen = (view.chosen or 3) - 1
        icon = ft.Icon(FACES[chosen], size=self._layout.px(150), color=theme.FACE_COLOURS[chosen])
        return self._centred(icon, view)

    def _message(self, view: RoomView) -> ft.Control:
        marks = {
            "phone": ft.Icons.PHONE_ANDROID,
            "again": ft.Icons.CONTACTLESS,
            "goodbye": ft.Icons.WAVING_HAND,
            "greeting": ft.Icons.CHECK_CIRCLE,
        }
        colour = theme.ORANGE if view.mode == "refused" else theme.BLUE
        icon = ft.Icon(marks.get(view.mode, ft.Icons.INFO), size=self._layout.px(120), color=colour)
        return self._centred(icon, view)

    def _centred(self, mark: ft.Control, view: RoomView) -> ft.Control:
        px = self._layout.px
        return self._framed(
            view,
            [
                mark,
                said("headline", words(view.headline, px(52), weight=BOLD, align=CENTER)),
                said("detail", words(view.detail, px(24), color=theme.MUTED_TEXT, align=CENTER)),
                *self._keep_key(view),
            ],
            align=ft.MainAxisAlignment.CENTER,
        )

    def _away_mark(self, view: RoomView) -> ft.Control:
        """The phone, where one can join by it; else that something is out of the ordinary."""
        px = self._layout.px
        icon = ft.Icons.PHONE_ANDROID if view.mode == "no_reader" else ft.Icons.INFO
        return ft.Container(ft.Icon(icon, size=px(150), color=theme.ORANGE), width=px(220))

    def _card_mark(self) -> ft.Control:
        """A card, a little tilted, that speaks to something: no words needed."""
        px = self._layout.px
        waves = ft.Icon(ft.Icons.WIFI, size=px(84), color=theme.INK, rotate=ft.Rotate(math.pi / 2))
        chip = ft.Container(width=px(40), height=px(30), bgcolor=theme.INK, border_radius=px(6), opacity=0.75)
        card = ft.Container(
            ft.Row([chip, waves], alignment=ft.MainAxisAlignment.SPACE_BETWEEN),
            width=px(200),
            height=px(128),
            bgcolor=theme.BLUE,
            border_radius=px(16),
            padding=ft.Padding.only(left=px(22), right=px(12)),
            rotate=ft.Rotate(-0.17),
        )
        return ft.Container(card, width=px(220), height=px(200), alignment=ft.Alignment.CENTER)

    def _now_playing(self, view: RoomView) -> ft.Control:
        px = self._layout.px
        rows: list[ft.Control] = [
            said("headline", words(view.headline, px(18), color=theme.MUTED_TEXT, weight=ft.FontWeight.W_600))
        ]
        rows += [self._layer(number, layer) for number, layer in enumerate(view.layers, start=1)]
        if not view.layers:
            rows.append(said("quiet", words(view.notice or self._texts.nothing_playing, px(30), weight=BOLD)))
        if view.why:
            rows.append(said("why", words(view.why, px(17), color=theme.BLUE, lines=2)))
        return ft.Column(rows, expand=True, spacing=px(10), alignment=ft.MainAxisAlignment.START)

    def _layer(self, number: int, layer: LayerView) -> ft.Control:
        """A title large, how much of the sound it is as a bar, and why it is there."""
        px = self._layout.px
        bar = ft.ProgressBar(
            value=layer.percent / 100, color=theme.BLUE, bgcolor=theme.RAISED, bar_height=px(8), expand=True
        )
        share = words(f"{layer.percent} %", px(16), color=theme.MUTED_TEXT)
        parts: list[ft.Control] = [
            said(f"layer-{number}", words(layer.title, px(28), weight=BOLD, lines=1)),
            ft.Row([bar, ft.Container(share, width=px(52))], spacing=px(10)),
        ]
        if layer.why:
            parts.append(words(layer.why, px(15), color=theme.MUTED_TEXT, lines=1))
        return ft.Column(parts, spacing=px(3))

    def _people(self, view: RoomView) -> ft.Control:
        px = self._layout.px
        many = self._texts.here_one if view.here == 1 else self._texts.here_many
        column = ft.Column(
            [
                said("here", words(str(view.here), px(88), weight=BOLD, align=CENTER)),
                words(many, px(20), align=CENTER),
                said("names", words(view.names, px(17), color=theme.MUTED_TEXT, align=CENTER, lines=4)),
            ],
            spacing=px(4),
            alignment=ft.MainAxisAlignment.CENTER,
            horizontal_alignment=ft.CrossAxisAlignment.CENTER,
        )
        return ft.Container(column, width=px(230), bgcolor=theme.PANEL, border_radius=px(20), padding=px(14))

    def _tap_line(self, view: RoomView) -> ft.Control:
        px = self._layout.px
        line: list[ft.Control] = [
            ft.Icon(ft.Icons.CONTACTLESS, size=px(40), color=theme.BLUE),
            said("detail", words(view.detail, px(22), weight=ft.FontWeight.W_600, lines=1), expand=True),
        ]
        if view.notice and view.layers:
            line = [
                ft.Icon(ft.Icons.INFO, size=px(40), color=theme.ORANGE),
                said("notice", words(view.notice, px(22), color=theme.ORANGE, lines=1), expand=True),
            ]
        return self._bar(line)

    def _playing_strip(self, view: RoomView) -> ft.Control:
        px = self._layout.px
        titles = "  ·  ".join(layer.title for layer in view.layers)
        text = view.notice or (f"{self._texts.now_playing}: {titles}" if titles else self._texts.nothing_playing)
        colour = theme.ORANGE if view.notice else theme.TEXT
        lines: list[ft.Control] = [
            said("notice" if view.notice else "playing", words(text, px(19), color=colour, lines=1))
        ]
        if view.why and not view.notice:
            lines.append(said("why", words(view.why, px(16), color=theme.MUTED_TEXT, lines=1)))
        icon = ft.Icon(ft.Icons.INFO if view.notice else ft.Icons.GRAPHIC_EQ, size=px(34), color=colour)
        return self._bar([icon, ft.Column(lines, spacing=2, expand=True, alignment=ft.MainAxisAlignment.CENTER)])

    def _bar(self, controls: list[ft.Control]) -> ft.Control:
        """The line at the bottom, with the staff's key at its end."""
        px = self._layout.px
        if self._open_staff is not None:
            lock = ft.Icon(ft.Icons.LOCK_OUTLINE, size=px(26), color=theme.MUTED_TEXT)
            controls.append(
                key("staff", self._texts.staff, self._open_staff, width=px(60), height=px(52), content=lock)
            )
        return ft.Container(
            ft.Row(controls, spacing=px(14), vertical_alignment=ft.CrossAxisAlignment.CENTER), height=px(60)
        )

    def _framed(
        self, view: RoomView, controls: list[ft.Control], align: ft.MainAxisAlignment = ft.MainAxisAlignment.START
    ) -> ft.Control:
        px = self._layout.px
        column = ft.Column(
            controls,
            spacing=px(10),
            alignment=align,
            horizontal_alignment=ft.CrossAxisAlignment.CENTER,
        )
        padded = ft.Container(column, padding=ft.Padding.symmetric(horizontal=px(24), vertical=px(14)))
        return named("room", padded, key=view.tap_id or None)  # a finger on one person's face never votes for the next
