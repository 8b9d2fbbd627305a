"""What the agent tells the rest of the box of itself."""

from __future__ import annotations

from typing import Any

from appliance.store import Store
from sync.heartbeat import free_mb
from sync.link import LinkState


def build_status(store: Store, link: LinkState, bytes_here: int) -> dict[str, Any]:
    """The state of subject `sync` in the runtime directory.

    bytes_here: how much of the file that is being fetched has come already.
    """
    return {
        "boot_s": round(store.clock.boot_s(), 1),
        "link": link.link,
        "why": link.why,
        "link_since_boot_s": round(link.since_boot_s, 1),
        "last_contact_boot_s": None if link.last_contact_boot_s is None else round(link.last_contact_boot_s, 1),
        "pending": store.outbox.pending(),
        "pending_since_wall_ms": store.outbox.pending_since_ms(),
        "files_wanted": store.library.count(),
        "files_ready": store.library.ready_count(),
        "bytes_to_go": max(store.library.bytes_to_go() - bytes_here, 0),
        "disk_free_mb": free_mb(store.db.path.parent),
    }
