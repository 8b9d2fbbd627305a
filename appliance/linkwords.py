"""How the line to the cloud is, from what the sync process published, as data and as words for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FRESH_S = 15.0  # it publishes every five seconds
NOT_RUNNING = "unknown: the sync process has not run"


def sync_now(sync: Mapping[str, Any], now_s: float) -> Mapping[str, Any]:
    """What the sync process published; a link that it has been silent about for too long is no link."""
    if (_age(sync.get("boot_s"), now_s) or 0) <= FRESH_S:
        return sync
    return {**sync, "link": "down", "why": "the sync process is silent"}


def link_facts(sync: Mapping[str, Any], now_s: float, wall_s: float) -> dict[str, Any]:
    """The part of `cosound status --json` that is about the cloud. Ages are seconds; None where nothing is known.

    now_s: boot seconds, as the sync process published its own.
    """
    silent_s = _age(sync.get("boot_s"), now_s)
    since_ms = sync.get("pending_since_wall_ms")
    return {
        "door": str(sync.get("door") or ""),
        "link": sync.get("link", NOT_RUNNING),
        "link_why": str(sync.get("why") or ""),
        "link_for_s": _age(sync.get("link_since_boot_s"), now_s),
        "last_contact_s": _age(sync.get("last_contact_boot_s"), now_s),
        "patience_s": sync.get("patience_s", 0),
        "sync_silent_s": silent_s if silent_s is None or silent_s > FRESH_S else 0,
        "pending_for_s": None if since_ms is None else max(round(wall_s - since_ms / 1000), 0),
        "files_to_go": sync.get("files_to_go", 0),
        "bytes_to_go": sync.get("bytes_to_go", 0),
        "bytes_per_s": sync.get("bytes_per_s", 0),
    }


def link_lines(state: Mapping[str, Any]) -> list[str]:
    pending = f"pending  {state['pending']}"
    if state["pending"] and state["pending_for_s"]:
        pending += f", the oldest for {duration(state['pending_for_s'])}"
    if state["dead_letters"]:
        pending += f", {state['dead_letters']} refused by the cloud: see `cosound sync log`"
    return [*([f"cloud    {state['door']}"] if state["door"] else []), f"link     {_link(state)}", pending]


def files_words(state: Mapping[str, Any]) -> str:
    """ "" when every file that is meant to be here is."""
    if not state["files_to_go"]:
        return ""
    rate = state["bytes_per_s"]
    left = f", {_megabytes(rate)} a second: {duration(state['bytes_to_go'] / rate)} more" if rate else ""
    return f"; {state['files_to_go']} files to fetch, {_megabytes(state['bytes_to_go'])}{left}"


def _link(state: Mapping[str, Any]) -> str:
    if state["sync_silent_s"]:
        return f"not known: the sync process has been silent for {duration(state['sync_silent_s'])}; is it running?"
    words = str(state["link"])
    if state["link_for_s"] is not None and state["link"] in ("up", "down"):
        words += f" for {duration(state['link_for_s'])}"
    if state["link_why"]:
        words += f" ({state['link_why']})"
    if state["last_contact_s"] is not None:
        words += f", last contact {duration(state['last_contact_s'])} ago"
    if state["patience_s"]:
        words += f"; the cloud asks for {duration(state['patience_s'])} of patience"
    return words


def duration(seconds: float) -> str:
    """The two largest units that say something: 40 s, 12 min, 3 h 5 min, 2 d 4 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86_400
    if hours < 1:
        return f"{minutes} min"
    if days < 1:
        return f"{hours} h {minutes % 60} min"
    return f"{days} d {hours % 24} h"


def _megabytes(count: float) -> str:
    return f"{count / 1e6:.1f} MB"


def _age(since_s: object, now_s: float) -> int | None:
    return round(max(now_s - since_s, 0)) if isinstance(since_s, int | float) else None
