"""The room's public address, as stickers and signs carry it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from appliance.config import Config
from appliance.errors import InputError
from appliance.handover import ROOM_URL
from appliance.store import Store

LONGEST = 200
DEVICE_KEY = re.compile(r"csp_[0-9a-z]{8}_")


def room_address(given: str | None, config: Config, store: Store) -> str:
    """The address given, else the one the cloud signed for this room. Raises InputError for one unfit to be shown."""
    url = given or store.room.setting(ROOM_URL)
    if isinstance(url, str) and url.startswith("/"):  # a cloud that was not told its public address
        url = config.cloud_url.rstrip("/") + url
    if not isinstance(url, str) or not url:
        raise InputError("the cloud has not told this box its room's address: give it with --url https://…/r/…")
    return checked(url, config.cloud_token)


def checked(url: str, device_key: str = "") -> str:
    """The address as it is. Raises InputError where a guest's phone must not be sent there."""
    fault = _fault(url, device_key)
    if fault:
        raise InputError(f"this address cannot go on a sticker: {fault}")
    return url


def _fault(url: str, device_key: str) -> str | None:
    if (device_key and device_key in url) or DEVICE_KEY.search(url):
        return "it has the box's own key in it, which everybody could then read"
    if len(url) > LONGEST:
        return f"it has {len(url)} letters; at most {LONGEST} fit a sticker and a QR that phones read from afar"
    if not url.isascii() or not url.isprintable() or " " in url:
        return "it must be plain letters without blanks"
    try:
        parts = urlsplit(url)
    except ValueError:
        return "it is no web address"
    if parts.scheme != "https" or not parts.hostname:
        return "it must begin with https:// and a name"
    return "it has a name or password before the @" if "@" in parts.netloc else None
