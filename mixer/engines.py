"""Which engine plays here: the bus, and where its way to the device is barred, SDL's own channels."""

from __future__ import annotations

import logging
from typing import Literal

from mixer.bus_engine import BusEngine
from mixer.engine import DeviceRefusedError, Engine
from mixer.recorder import Recorder
from mixer.space import Room

EngineName = Literal["bus", "channels"]

log = logging.getLogger(__name__)


def open_engine(
    name: EngineName = "bus",
    *,
    device: str | None = None,
    channels: int = 2,
    block: int = 1024,
    target_lufs: float = -20.0,
    recorder: Recorder | None = None,
    room: Room | None = None,
    process_first: bool = False,
) -> Engine:
    """An engine under way, silent until its first scene.

    Raises `EngineError` for a device that is not there, or that opens for neither.
    """
    if name == "bus":
        try:
            return BusEngine(device, channels, block, target_lufs, recorder, room=room, process_first=process_first)
        except DeviceRefusedError as error:
            log.error("%s; trying SDL's own mixer instead", error)
    from mixer.channels_engine import ChannelsEngine

    engine = ChannelsEngine(device, channels, block, target_lufs)
    if recorder is not None:
        log.warning("nothing is recorded: SDL's own mixer does not show what it plays")
        recorder.close()
    return engine
