"""What the agent tells the rest of the box of itself."""

from __future__ import annotations

from typing import Any

from appliance.store import Store
from sync.errands import Progress
from sync.heartbeat import free_mb
from sync.link import LinkState


def build_status(
    store: Store, link: LinkState, progress: Progress, door: str, patience_s: float = 0.0
) -> dict[str, Any]:
    """The state of subject `sync` in the runtime directory.

    door: where the cloud is and how it is reached, "" without one. patience_s: for how long it wants no questions.
    """
    return {
        "boot_s": round(store.clock.boot_s(), 1),
        "door": door,
        "link": link.link,
        "why": link.why,
        "link_since_boot_s": round(link.since_boot_s, 1),
        "last_contact_boot_s": None if link.last_contact_boot_s is None else round(link.last_contact_boot_s, 1),
        "patience_s": round(patience_s),
        "pending": store.outbox.pending(),
        "pending_since_wall_ms": store.outbox.pending_since_ms(),
        "files_to_go": progress.files,
        "bytes_to_go": progress.bytes,
        "bytes_per_s": progress.bytes_per_s,
        "disk_free_mb": free_mb(store.db.path.parent),
    }
