"""How the demo speaks: plain lines, and one line of progress that overwrites itself on a terminal."""

from __future__ import annotations

import sys


def say(line: str) -> None:
    """One plain line for the person watching."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def progress(line: str) -> None:
    """Show how far something is; silent where the output is not a terminal."""
    if sys.stdout.isatty():
        sys.stdout.write(f"\r\x1b[K{line}")
        sys.stdout.flush()


def end_progress() -> None:
    progress("")
