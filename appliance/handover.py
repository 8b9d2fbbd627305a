"""A listener takes their history along: by a QR made here, or by a code that their phone shows."""

from __future__ import annotations

from appliance.errors import InputError
from appliance.store import Store
from appliance.store.identity import Identity

ROOM_URL = "room_url"  # the setting by which the cloud tells the room's address


def offer(store: Store, cloud_url: str, profile_id: str) -> str:
    """The address, good once and for ten minutes, at which their history can be taken over. Works offline.

    What matters stands behind the #, which browsers keep to themselves. Raises InputError on a box without a cloud.
    """
    base = public_address(store, cloud_url)
    if not base:
        raise InputError("this box has no cloud: there is no profile that a history could move to")
    return f"{base}/link#{identity(store).offer(profile_id)}"


def public_address(store: Store, cloud_url: str) -> str:
    """Where phones reach the cloud: as it says itself, else as this box does."""
    told = store.room.setting(ROOM_URL)
    base, room, _ = told.partition("/r/") if isinstance(told, str) else ("", "", "")
    return base if room and base else cloud_url.rstrip("/")


def identity(store: Store) -> Identity:
    return Identity(store.db, store.clock, store.outbox)
