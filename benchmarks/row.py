"""One number of ours beside its reference and its goal."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Row:
    """`ratio` is ours ÷ reference. A row that could not run has `ours` and `ok` None, and says why in `note`.

    goal: what `ours` must not exceed (or, with `better="more"`, must reach); None when there is none.
    of: whether the goal is for our number or for the ratio.
    """

    id: str
    name: str
    ours: float | None
    unit: str
    reference: float | None = None
    goal: float | None = None
    of: Literal["ours", "ratio"] = "ours"
    better: Literal["less", "more"] = "less"
    note: str = ""

    @property
    def ratio(self) -> float | None:
        if self.ours is None or not self.reference:
            return None
        return self.ours / self.reference

    @property
    def ok(self) -> bool | None:
        measured = self.ours if self.of == "ours" else self.ratio
        if self.goal is None or measured is None:
            return None
        return measured <= self.goal if self.better == "less" else measured >= self.goal

    def as_json(self) -> dict[str, Any]:
        row = asdict(self)
        for name in ("of", "better"):
            del row[name]
        return {**row, "ratio": self.ratio, "ok": self.ok}


def missing(row_id: str, name: str, unit: str, why: str) -> Row:
    """A row that could not run here."""
    return Row(row_id, name, None, unit, note=why)


def table(rows: list[Row]) -> str:
    """The rows as a plain table for a person."""
    lines = [("id", "ours", "reference", "ratio", "goal", "ok", "note")]
    for row in rows:
        verdict = {True: "yes", False: "NO", None: "–"}[row.ok]
        ours, reference = _number(row.ours, row.unit), _number(row.reference, row.unit)
        lines.append((row.id, ours, reference, _number(row.ratio), _goal(row), verdict, row.note))
    widths = [max(len(line[column]) for line in lines) for column in range(6)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(line[:6], widths, strict=True)), line[6]]).rstrip()
        for line in lines
    )


def _number(value: float | None, unit: str = "") -> str:
    return "–" if value is None else f"{value:.3g} {unit}".strip()


def _goal(row: Row) -> str:
    if row.goal is None:
        return "–"
    sign = "≤" if row.better == "less" else "≥"
    return f"{sign} {row.goal:g}{' ×' if row.of == 'ratio' else ''}"
