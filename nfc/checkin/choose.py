"""From the setting `checkin.reader` to drivers."""

from __future__ import annotations

from appliance.config import Config
from checkin.reader import Driver
from checkin.socket_reader import SocketReader


def drivers_of(config: Config) -> list[Driver]:
    """Every reader the configuration asks for; typed taps always."""
    return [SocketReader(config.box_runtime_dir)]
