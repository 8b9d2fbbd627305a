"""Moments as both engines keep them: seconds since 1970 in Python, UTC text in the database.

The text has one fixed width, so that comparing text is comparing time.
"""

from __future__ import annotations

from datetime import UTC, datetime

FORM = "microseconds"


def to_text(seconds: float) -> str:
    """Raises OverflowError for a moment outside the years 1 to 9999."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec=FORM)
    except (ValueError, OSError) as error:
        raise OverflowError(f"{seconds} s is no moment") from error


def to_seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def seconds_or_none(text: str | None) -> float | None:
    return None if text is None else to_seconds(text)
