"""Colours, sizes and the room's layout. Dark and calm; blue and orange, which every kind of eye tells apart."""

from __future__ import annotations

from dataclasses import dataclass

BACKGROUND = "#0F1620"
PANEL = "#1A2432"
RAISED = "#2A384B"
LINE = "#3B4C63"
TEXT = "#F5F7FA"
MUTED_TEXT = "#B4C0CF"
TRACK = "#93A4B8"
BLUE = "#6BC1F2"
DEEP_BLUE = "#0B3C5D"
ORANGE = "#F5A742"
INK = "#0F1620"
SCRIM = "#B3060A10"  # over what a sheet covers

# One colour a face, 1 … 5, from orange over grey to blue; the shapes and the words say the same.
FACE_COLOURS = ("#F5A742", "#E9C489", "#D3DAE3", "#A3D5F2", "#6BC1F2")

STRIPS = 16
TOUCH = 48  # px: the smallest thing a finger is asked to hit
GAP = 2  # px between keys of one strip
THUMB_MARGIN = 14  # px at both ends of a fader, so that the thumb at rest is whole
WIDE = 1000  # px: from here on there is room to spare


@dataclass(frozen=True, slots=True)
class Layout:
    """The screen in px. Everything a page places follows from its width and height."""

    width: int
    height: int

    @classmethod
    def of(cls, width: float | None, height: float | None) -> Layout:
        return cls(int(width or 800), int(height or 480))

    @property
    def wide(self) -> bool:
        return self.width >= WIDE and self.height >= 600

    @property
    def scale(self) -> float:
        """How much larger than 800 × 480 letters may be."""
        return max(min(self.width / 800, self.height / 480), 0.75)

    def px(self, at_800: float) -> int:
        return round(at_800 * self.scale)

    @property
    def strip_width(self) -> int:
        return self.width // STRIPS

    @property
    def top_height(self) -> int:
        return 64

    @property
    def title_height(self) -> int:
        return 66 if self.wide else 50

    @property
    def info_height(self) -> int:
        return 36 if self.wide else 28

    @property
    def line_height(self) -> int:
        """The line over a staff page covers the let-go keys and what is below them, and no more."""
        return min(self.px(64), TOUCH + GAP + self.info_height)

    @property
    def fader_top(self) -> int:
        return self.top_height + self.title_height

    @property
    def fader_height(self) -> int:
        """What is left between the title and the value, mute and let-go buttons."""
        return max(self.height - self.fader_top - 20 - 2 * (TOUCH + GAP) - self.info_height, 80)
