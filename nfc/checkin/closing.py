"""Closing time on the boot clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

# A box whose clock was never set believes in an earlier year than its own software.
FIRST_TRUSTED_WALL_S = datetime(2025, 1, 1, tzinfo=UTC).timestamp()


def closing_s(closes: str, *, boot_s: float, wall_s: float, zone: tzinfo | None = None) -> float | None:
    """Boot-clock second of the next closing time, None when there is none or the wall clock is not to be trusted.

    closes: "HH:MM" local time, "" = never. zone: None = the box's own.
    """
    if not closes or wall_s < FIRST_TRUSTED_WALL_S:
        return None
    now = datetime.fromtimestamp(wall_s, zone)
    hour, minute = (int(part) for part in closes.split(":"))
    end = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if end.timestamp() <= wall_s:
        end = (now + timedelta(days=1)).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return boot_s + end.timestamp() - wall_s
