"""The fault table: what was done to the box, how often, what it cost, and how long until all was well again.

Run as a program it puts the table of `build/faults.json` into `docs/reliability.md`.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.faults import dice

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "build" / "faults.json"
PAGE = ROOT / "docs" / "reliability.md"
HEAD = ["| fault | times | lost | doubled | recovery_s |", "|---|---|---|---|---|"]
TIMES = int(os.environ.get("FAULTS_TIMES", "1"))  # how often each fault is done; `make faults` asks for more


@dataclass(frozen=True, slots=True)
class FaultRow:
    """lost, doubled: facts acknowledged before or during the fault. recovery_s: the longest; None = never away."""

    fault: str
    times: int
    lost: int
    doubled: int
    recovery_s: float | None


class FaultTable:
    """Collects rows during a run. Rows of earlier runs stay until the same fault is tried again."""

    def __init__(self, file: Path = FILE) -> None:
        self._file = file
        self._rows: dict[str, FaultRow] = {}

    def note(
        self,
        fault: str,
        *,
        acknowledged: Collection[str] = (),
        found: Sequence[str] = (),
        recovery_s: float | None = None,
        times: int = 1,
    ) -> None:
        """`fault` was done, so many times. acknowledged: ids of facts; found: those kept, box and cloud together,
        one entry for each effect it had. Asserts that nothing was lost or doubled, after the row is noted."""
        lost = len(set(acknowledged) - set(found))
        doubled = len(found) - len(set(found))
        before = self._rows.get(fault, FaultRow(fault, 0, 0, 0, None))
        known_s = [s for s in (before.recovery_s, recovery_s) if s is not None]
        slowest_s = round(max(known_s), 2) if known_s else None
        self._rows[fault] = FaultRow(
            fault, before.times + times, before.lost + lost, before.doubled + doubled, slowest_s
        )
        assert (lost, doubled) == (0, 0), (
            f"{fault}: {lost} of {len(acknowledged)} facts lost, {doubled} doubled; FAULTS_SEED={dice.seed()}"
        )

    def rows(self, prefix: str) -> dict[str, FaultRow]:
        """This run's rows of faults whose name begins so."""
        return {name: row for name, row in self._rows.items() if name.startswith(prefix)}

    def write(self) -> None:
        """One at a time: the tests' workers have a table each, and all write this file."""
        self._file.parent.mkdir(exist_ok=True)
        with self._file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            rows = {row["fault"]: row for row in self._read()} | {name: asdict(row) for name, row in self._rows.items()}
            self._file.write_text(json.dumps(sorted(rows.values(), key=lambda row: row["fault"]), indent=1) + "\n")

    def _read(self) -> list[dict[str, object]]:
        try:
            return list(json.loads(self._file.read_text()))
        except (OSError, ValueError):
            return []


def with_table(page: str, rows: Sequence[dict[str, object]]) -> str:
    """The page with these rows in its table; those of faults that the run did not try stay."""
    lines = page.split("\n")
    first = lines.index(HEAD[0])
    last = next(number for number, line in enumerate(lines) if number > first and not line.startswith("|"))
    table = {_fault(line): line for line in lines[first + len(HEAD) : last]} | {
        row["fault"]: _line(row) for row in rows
    }
    return "\n".join([*lines[:first], *HEAD, *(table[fault] for fault in sorted(table, key=str)), *lines[last:]])


def _fault(line: str) -> object:
    return line.split("|")[1].strip()


def _line(row: dict[str, object]) -> str:
    took_s = row["recovery_s"]
    shown = f"{took_s:.2f}" if isinstance(took_s, float) else "–"
    return f"| {row['fault']} | {row['times']} | {row['lost']} | {row['doubled']} | {shown} |"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(), json.loads(FILE.read_text())))
