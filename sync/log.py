"""What waits for the cloud and what it refused, for a person to read."""

from __future__ import annotations

from datetime import datetime

from appliance.store import Store

SHOWN = 20


def log_lines(store: Store) -> list[str]:
    return [*_pending(store), *_refused(store)]


def _pending(store: Store) -> list[str]:
    count = store.outbox.pending()
    if not count:
        return ["nothing waits for the cloud"]
    lines = [f"{count} fact{'s wait' if count > 1 else ' waits'} for the cloud, oldest first:"]
    lines += [f"  {_when(op.wall_ms)}  {op.type}" for op in store.outbox.batch(SHOWN)]
    return lines + ([f"  … and {count - SHOWN} more"] if count > SHOWN else [])


def _refused(store: Store) -> list[str]:
    letters = store.outbox.dead_letters()
    if not letters:
        return ["nothing was refused"]
    lines = [f"{len(letters)} fact{'s were' if len(letters) > 1 else ' was'} refused by the cloud, and why:"]
    lines += [
        f"  {_when(row['wall_ms'])}  {row['type']}  {row['verdict'].partition(':')[2]}  {row['body']}"
        for row in letters[-SHOWN:]
    ]
    return lines + ([f"  … and {len(letters) - SHOWN} earlier ones"] if len(letters) > SHOWN else [])


def _when(wall_ms: int) -> str:
    """By this box's clock, in local time."""
    return datetime.fromtimestamp(wall_ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")
