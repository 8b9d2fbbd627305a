"""The simulator's rows as a picture: for each world and policy, the mean and the unhappiest tenth on one line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

OURS, FRAME = "#2f6690", "#9a9a9a"
FRAMING = ("random", "static", "oracle", "oracle_fair")  # what the others are measured by
LOW, HIGH = 0.2, 0.9
PANEL_W, LABEL_W, SCALE_W = 460, 110, 310
HEAD_H, LINE_H, FOOT_H = 44, 22, 36


class Outcome(Protocol):
    """What a picture needs of a row: satisfaction 0 … 1."""

    @property
    def world(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def mean(self) -> float: ...
    @property
    def p10(self) -> float: ...


def svg(rows: Sequence[Outcome]) -> str:
    """One panel per world, two side by side; full dots are means, open ones the unhappiest tenth."""
    worlds = list(dict.fromkeys(row.world for row in rows))
    panels = [[row for row in rows if row.world == world] for world in worlds]
    tallest = max((len(panel) for panel in panels), default=0)
    panel_h = HEAD_H + tallest * LINE_H + FOOT_H
    width, height = PANEL_W * min(2, max(1, len(panels))), panel_h * max(1, (len(panels) + 1) // 2)
    places = [(PANEL_W * (number % 2), panel_h * (number // 2)) for number in range(len(panels))]
    body = [_panel(panel, x, y) for panel, (x, y) in zip(panels, places, strict=True)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="{width}" height="{height}" fill="white"/>{"".join(body)}</svg>\n'
    )


def _panel(rows: Sequence[Outcome], x: int, y: int) -> str:
    bottom = HEAD_H + len(rows) * LINE_H
    best_first = sorted(rows, key=lambda row: -row.mean)
    parts = [f'<g transform="translate({x} {y})">', _text(LABEL_W, 24, rows[0].world, size=15)]
    parts += _grid(bottom)
    parts += [_line(row, HEAD_H + number * LINE_H + LINE_H // 2) for number, row in enumerate(best_first)]
    legend = "satisfaction: ○ unhappiest tenth   ● mean"
    return "".join([*parts, _text(LABEL_W, bottom + 32, legend, colour="#666"), "</g>"])


def _grid(bottom: int) -> Iterable[str]:
    for tenth in range(round(LOW * 10), round(HIGH * 10) + 1):
        at = _along(tenth / 10)
        yield f'<path d="M{at} {HEAD_H}V{bottom}" stroke="#e4e4e4"/>'
        yield _text(at, bottom + 14, f"{tenth / 10:.1f}", anchor="middle", colour="#666")


def _line(row: Outcome, y: int) -> str:
    colour = FRAME if row.method in FRAMING else OURS
    low, high = _along(row.p10), _along(row.mean)
    return (
        _text(LABEL_W - 8, y + 4, row.method, anchor="end", colour=colour)
        + f'<path d="M{low} {y}H{high}" stroke="{colour}" stroke-width="2"/>'
        + f'<circle cx="{low}" cy="{y}" r="4.5" fill="white" stroke="{colour}" stroke-width="2"/>'
        + f'<circle cx="{high}" cy="{y}" r="5.5" fill="{colour}"/>'
    )


def _along(satisfaction: float) -> int:
    part = min(max((satisfaction - LOW) / (HIGH - LOW), 0.0), 1.0)
    return round(LABEL_W + part * SCALE_W)


def _text(x: int, y: int, words: str, *, anchor: str = "start", colour: str = "#222", size: int = 12) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}" font-size="{size}">{words}</text>'
