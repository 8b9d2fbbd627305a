"""python -m benchmarks AREA… [--quick] [--json FILE]"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

from benchmarks.row import Row, table

AREAS = ("start", "mixer", "tap", "taste", "sync", "cloud", "wear", "day", "screen")


def main() -> int:
    options = _options()
    unknown = [area for area in options.areas if area not in AREAS]
    if unknown:
        print(f"no area {unknown[0]!r}; there are: {', '.join(AREAS)}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    for area in options.areas or AREAS:
        measured = importlib.import_module(f"benchmarks.{area}").rows(quick=options.quick)
        rows += measured
        print(table(measured), flush=True)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps([row.as_json() for row in rows], indent=2) + "\n")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure; a missed goal is shown, not fatal."
    )
    parser.add_argument("areas", nargs="*", metavar="AREA", help=", ".join(AREAS))
    parser.add_argument("--quick", action="store_true", help="a look rather than a measurement")
    parser.add_argument("--json", type=Path, help="also write the rows to FILE")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
