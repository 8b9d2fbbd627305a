"""The box at a glance, for a person on the command line or a script that watches it."""

from __future__ import annotations

import shutil
from typing import Any

from appliance.clock import SystemClock
from appliance.config import Config, load_config
from appliance.errors import SetupError
from appliance.linkwords import files_words, link_facts, link_lines
from appliance.readers import readers_now
from appliance.runtime import Runtime
from appliance.space import READ_ONLY, is_read_only
from appliance.store import Store, open_store

FRESH_S = 5.0


def read_status(config: Config | None = None) -> dict[str, Any]:
    """Everything `cosound status` tells, as data. Raises SetupError where no box has ever run."""
    config = config or load_config()
    if not (config.box_data_dir / "cosound.db").exists():
        raise SetupError(f"no box in {config.box_data_dir}: start it, or set COSOUND_DATA_DIR to where it runs")
    store = open_store(config.box_data_dir, config.box_runtime_dir, "status")
    try:
        return _status(store, Runtime(config.box_runtime_dir), config)
    finally:
        store.close()


def status_lines(state: dict[str, Any]) -> list[str]:
    """The same, as plain lines."""
    playing = [f"  {layer['gain_db']:+6.1f} dB  {layer['title']}: {layer['why']}" for layer in state["playing"]]
    return [
        f"player   {state['player']}" + (f", {state['underruns']} underruns" if state["underruns"] else ""),
        *(playing or ["  nothing sounds"]),
        f"here     {state['here']}",
        *link_lines(state),
        f"library  {state['songs_ready']} of {state['songs']} songs ready{files_words(state)}",
        *([_damaged_words(state["files_damaged"])] if state["files_damaged"] else []),
        f"disk     {state['disk_free_mb']} MB free" + (f", but it {READ_ONLY}" if state["disk_read_only"] else ""),
        *(
            f"reader   {reader['name']}: {reader['state']}" + (f": {reader['why']}" if reader.get("why") else "")
            for reader in state["readers"]
        ),
        *(f"lamp     {lamp}: dark, {why}" for lamp, why in state["dark_lamps"].items()),
    ]


def _status(store: Store, runtime: Runtime, config: Config) -> dict[str, Any]:
    player, sync, reader = runtime.read("player"), runtime.read("sync"), runtime.read("reader")
    clock = SystemClock()
    now_s = clock.boot_s()
    alive = now_s - player.get("boot_s", float("-inf")) < FRESH_S
    strips = [strip for strip in player.get("strips", []) if strip] if alive else []
    return {
        "player": _player_word(player) if alive else "not running",
        "playing": [
            {key: strip[key] for key in ("song_id", "title", "kind", "gain_db", "share", "why")}
            for strip in sorted(strips, key=lambda strip: -strip["gain_db"])
        ],
        "underruns": player.get("underruns", 0),
        "here": store.people.here(),
        **link_facts(sync, now_s, clock.wall_s()),
        "pending": store.outbox.pending(),
        "dead_letters": len(store.outbox.dead_letters()),
        "songs": store.library.count(),
        "songs_ready": store.library.ready_count(),
        "files_damaged": store.library.damaged_count(),
        "disk_free_mb": shutil.disk_usage(config.box_data_dir).free >> 20,
        "disk_read_only": is_read_only(config.box_data_dir),
        "readers": readers_now(reader, now_s),
        "dark_lamps": reader.get("dark") or {},
    }


def _damaged_words(count: int) -> str:
    files = "1 file" if count == 1 else f"{count} files"
    return f"damage   {files} found other than written, and made anew: renew the card if there are ever more"


def _player_word(player: dict[str, Any]) -> str:
    if player.get("silent_on_purpose"):
        return "muted by staff"
    return "playing" if player.get("audible") else "silent"
