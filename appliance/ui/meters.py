"""All meters of the mixer page, drawn by one canvas: one message a tick, and none when nothing moved."""

from __future__ import annotations

from collections.abc import Sequence

import flet as ft
import flet.canvas as cv

from appliance.ui import theme
from appliance.ui.theme import Layout

METER_WIDTH = 6
BESIDE_FADER = 23  # px from the middle of a fader to the middle of its meter
LOUD = 0.98  # from here on a meter is orange: less than 1 dB to full scale

Point = tuple[int, int]


class Meters:
    """Seventeen bars over the page: one a strip, and the whole mix in the top line.

    They are the lines of two shapes, one for each colour. A bar of its own each would cost the server twice as
    much: Flet compares every shape with its old self.

    master: left edge, top, and length in px of the master's lying meter.
    """

    def __init__(self, layout: Layout, master: tuple[int, int, int]) -> None:
        self._layout = layout
        self._master_left, self._master_top, self._master_length = master
        self._levels: tuple[float, ...] = ()
        self.control = cv.Canvas(shapes=[], width=layout.width, height=layout.height)

    def show(self, levels: Sequence[float]) -> None:
        """Draw the levels 0 … 1, the master's last."""
        if tuple(levels) == self._levels:
            return
        self._levels = tuple(levels)
        self.control.shapes = [
            _lines([bar for bar, level in self._bars() if level < LOUD], theme.BLUE),
            _lines([bar for bar, level in self._bars() if level >= LOUD], theme.ORANGE),
        ]
        self.control.update()

    def _bars(self) -> list[tuple[tuple[Point, Point], float]]:
        return [(self._bar(index, level), level) for index, level in enumerate(self._levels) if level > 0]

    def _bar(self, index: int, level: float) -> tuple[Point, Point]:
        """Where the bar's middle line begins and ends."""
        if index == theme.STRIPS:
            return (self._master_left, self._master_top), (
                self._master_left + round(level * self._master_length),
                self._master_top,
            )
        way = self._layout.fader_height - 2 * theme.THUMB_MARGIN
        bottom = self._layout.fader_top + self._layout.fader_height - theme.THUMB_MARGIN
        middle = index * self._layout.strip_width + (self._layout.strip_width - METER_WIDTH) // 2 + BESIDE_FADER
        return (middle, bottom), (middle, bottom - round(level * way))


def _lines(bars: list[tuple[Point, Point]], colour: str) -> cv.Points:
    return cv.Points(
        points=[point for bar in bars for point in bar],
        point_mode=cv.PointMode.LINES,
        paint=ft.Paint(color=colour, stroke_width=METER_WIDTH, style=ft.PaintingStyle.STROKE),
    )
