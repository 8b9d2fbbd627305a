from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.config import Config, load_config
from appliance.errors import ConfigError
from checkin.choose import drivers_of


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return replace(load_config({}, tmp_path / "none"), box_runtime_dir=tmp_path)


@pytest.mark.parametrize(
    ("setting", "readers"),
    [
        ("none", []),
        ("auto", ["usb"]),
        ("usb", ["usb"]),
        ("usb:1-1.2, usb:1-1.4", ["usb:1-1.2", "usb:1-1.4"]),
        ("udp:127.0.0.1:54321", ["udp:127.0.0.1:54321"]),
        ("/dev/serial/by-id/usb-FTDI-port0", ["/dev/serial/by-id/usb-FTDI-port0"]),
        ("/dev/input/by-id/usb-RFID-event-kbd", ["/dev/input/by-id/usb-RFID-event-kbd"]),
        ("serial:/dev/ttyUSB0", ["serial:/dev/ttyUSB0"]),
        ("usb, serial:/dev/ttyUSB0,usb", ["usb", "serial:/dev/ttyUSB0"]),
    ],
)
def test_the_setting_names_readers_and_taps_can_always_be_typed(
    config: Config, setting: str, readers: list[str]
) -> None:
    drivers = drivers_of(replace(config, checkin_reader=setting))
    assert [driver.where for driver in drivers] == [*readers, "typed taps"]


@pytest.mark.parametrize(
    "setting",
    [
        "",
        "usb0",
        "usb:072f:2200",
        "usb:1-",
        "udp:",
        "udp:host",
        "udp:host:0",
        "udp:host:70000",
        "udp:a b:1",
        "/tmp/x",
        "serial:x",
        "usb,,",
    ],
)
def test_a_setting_that_names_nothing_is_refused_with_the_forms(config: Config, setting: str) -> None:
    with pytest.raises(ConfigError, match=r"checkin\.reader .* must be auto, none, usb, usb:SOCKET, udp:HOST:PORT"):
        drivers_of(replace(config, checkin_reader=setting))


def test_none_beside_a_reader_is_a_contradiction(config: Config) -> None:
    with pytest.raises(ConfigError, match="none"):
        drivers_of(replace(config, checkin_reader="none,usb"))
