"""All meters of the mixer page, drawn by one canvas: one message a tick, and only what moved."""

from __future__ import annotations

from collections.abc import Sequence

import flet as ft
import flet.canvas as cv

from appliance.ui import theme
from appliance.ui.theme import Layout

METER_WIDTH = 6
LOUD = 0.95  # from here on a meter is orange: less than 3 dB to full scale


class Meters:
    """Seventeen bars under the page's controls: one a strip, and the whole mix in the top line.

    master: left edge, top, and length in px of the master's lying meter.
    """

    def __init__(self, layout: Layout, master: tuple[int, int, int]) -> None:
        self._layout = layout
        self._master_left, self._master_top, self._master_length = master
        self._levels: list[float] = [0.0] * (theme.STRIPS + 1)
        self._bars = [self._bar(index) for index in range(theme.STRIPS + 1)]
        self.control = cv.Canvas(shapes=list(self._bars), width=layout.width, height=layout.height)

    def show(self, levels: Sequence[float]) -> None:
        """Move the bars whose level changed; no message when none did."""
        moved = [index for index, level in enumerate(levels) if level != self._levels[index]]
        for index in moved:
            self._levels[index] = levels[index]
            self._place(index, levels[index])
        if moved:
            self.control.update()

    def _bar(self, index: int) -> cv.Rect:
        paint = ft.Paint(color=theme.BLUE)
        if index == theme.STRIPS:
            return cv.Rect(x=self._master_left, y=self._master_top, width=0, height=METER_WIDTH, paint=paint)
        return cv.Rect(x=self._strip_left(index), y=self._bottom(), width=METER_WIDTH, height=0, paint=paint)

    def _place(self, index: int, level: float) -> None:
        bar = self._bars[index]
        if index == theme.STRIPS:
            bar.width = round(level * self._master_length)
        else:
            height = round(level * (self._layout.fader_height - 2 * theme.THUMB_MARGIN))
            bar.y, bar.height = self._bottom() - height, height
        colour = theme.ORANGE if level >= LOUD else theme.BLUE
        if bar.paint.color != colour:
            bar.paint = ft.Paint(color=colour)

    def _strip_left(self, index: int) -> int:
        return (index + 1) * self._layout.strip_width - METER_WIDTH - 3

    def _bottom(self) -> int:
        return self._layout.fader_top + self._layout.fader_height - theme.THUMB_MARGIN
