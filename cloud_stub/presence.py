"""What a player is doing, from when it polled and what it said. Pure."""

from __future__ import annotations

from typing import Literal

from cloud_stub.repositories.rooms import Layers, RoomState

Status = Literal["offline", "online", "playing", "idle"]

OFFLINE_AFTER_S = 30.0


def status_of(last_poll_s: float | None, state: RoomState | None, now_s: float) -> Status:
    """offline: no poll for 30 s. playing: it reports sound. idle: silent on purpose. online: anything else."""
    if last_poll_s is None or now_s - last_poll_s > OFFLINE_AFTER_S:
        return "offline"
    if state is None or now_s - state.heard.at_s > OFFLINE_AFTER_S:
        return "online"
    if state.audible:
        return "playing"
    return "idle" if state.silent_on_purpose else "online"


def current_song(layers: Layers, kinds: dict[str, str]) -> str | None:
    """The loudest instrumental, else the loudest bed; `layers` by falling share."""
    audible = [song_id for song_id, share in layers if share > 0 and song_id in kinds]
    instrumentals = [song_id for song_id in audible if kinds[song_id] == "instrumental"]
    return next(iter(instrumentals or audible), None)
