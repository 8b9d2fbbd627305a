from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from checkin import detect
from checkin.cli import nfc
from checkin.lamps import lamps_of


@pytest.fixture(autouse=True)
def libusb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "find_library", lambda name: f"lib{name}.so.0")


def usb(root: Path, name: str, vendor: str, product: str, address: int = 5) -> None:
    device = root / "sys/bus/usb/devices" / name
    device.mkdir(parents=True)
    (device / "idVendor").write_text(vendor + "\n")
    (device / "idProduct").write_text(product + "\n")
    (device / "busnum").write_text("1\n")
    (device / "devnum").write_text(f"{address}\n")
    node = root / f"dev/bus/usb/001/{address:03d}"
    node.parent.mkdir(parents=True, exist_ok=True)
    node.touch()


def test_an_empty_machine_has_no_readers(tmp_path: Path) -> None:
    assert detect.candidates(tmp_path) == []
    assert detect.thieves(tmp_path) == []


def test_known_usb_readers_are_found_among_other_devices(tmp_path: Path) -> None:
    usb(tmp_path, "1-1", "1d6b", "0002")
    usb(tmp_path, "1-2", "072f", "2200")
    assert detect.usb_readers(tmp_path) == [detect.UsbReader("1-2", "ACS ACR122U", 1, 5)]
    assert detect.candidates(tmp_path) == [detect.Candidate("usb", "ACS ACR122U at USB 1-2")]


def test_two_on_usb_are_told_apart_by_their_sockets(tmp_path: Path) -> None:
    usb(tmp_path, "1-1.2", "072f", "2200", 7)
    usb(tmp_path, "1-1.4", "04cc", "2533", 8)
    assert [one.setting for one in detect.candidates(tmp_path)] == ["usb:1-1.2", "usb:1-1.4"]
    assert [one.nfcpy_path for one in detect.usb_readers_at("usb:1-1.4", tmp_path)] == ["usb:001:008"]
    assert len(detect.usb_readers_at("usb", tmp_path)) == 2
    assert detect.usb_readers_at("usb:1-1", tmp_path) == []


def test_a_machine_without_libusb_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usb(tmp_path, "1-2", "072f", "2200")
    monkeypatch.setattr(detect, "find_library", lambda _name: None)
    assert "libusb-1.0-0" in detect.candidates(tmp_path)[0].why_not


def test_what_may_not_be_opened_is_said_with_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usb(tmp_path, "1-2", "072f", "2200")
    monkeypatch.setattr("os.access", lambda _path, _mode: False)
    assert "plugdev" in detect.candidates(tmp_path)[0].why_not


def test_ports_are_listed_by_stable_names(tmp_path: Path) -> None:
    for path in ("dev/serial/by-id/usb-FTDI_UART-if00-port0", "dev/input/by-id/usb-RFID-event-kbd"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).touch()
    assert [one.setting for one in detect.candidates(tmp_path)] == [
        "/dev/serial/by-id/usb-FTDI_UART-if00-port0",
        "/dev/input/by-id/usb-RFID-event-kbd",
    ]


def links(root: Path, **nodes: str) -> None:
    """Names under /dev by their nodes, as udev links them."""
    for name, node in nodes.items():
        (root / "dev" / node).touch()
        link = root / "dev" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(root / "dev" / node)


def test_two_of_a_kind_have_one_name_in_their_plugs_and_go_by_their_sockets(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    bridge, sockets = "serial/by-id/usb-1a86_USB_Serial-if00-port0", "serial/by-path/platform-xhci-usb-0:1."
    links(tmp_path, **{bridge: "ttyUSB1", f"{sockets}1:1.0-port0": "ttyUSB0", f"{sockets}2:1.0-port0": "ttyUSB1",
                       "serial/by-path/platform-uart": "ttyAMA0"})  # fmt: skip
    assert [one.setting.rpartition("/")[2] for one in detect.candidates(tmp_path)] == [
        "platform-uart", "platform-xhci-usb-0:1.1:1.0-port0", "platform-xhci-usb-0:1.2:1.0-port0",
    ]  # fmt: skip


def test_one_of_a_kind_keeps_its_name_whichever_socket_it_is_put_into(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    plug = "input/by-id/usb-RFID-event-kbd"
    links(tmp_path, **{plug: "event3", "input/by-path/pci-usb-0:1:1.0-event-kbd": "event3",
                       "input/by-path/pci-usbv2-0:1:1.0-event-kbd": "event3"})  # fmt: skip
    assert [one.setting for one in detect.candidates(tmp_path)] == [f"/dev/{plug}"]


def test_a_pis_own_pins_are_listed_once(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    links(tmp_path, serial0="ttyAMA0")
    assert [one.setting for one in detect.candidates(tmp_path)] == ["/dev/serial0"]
    links(tmp_path, **{"serial/by-path/platform-uart": "ttyAMA0"})
    assert [one.setting for one in detect.candidates(tmp_path)] == ["/dev/serial/by-path/platform-uart"]


def test_modules_that_steal_the_reader_are_named(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/modules").write_text("pn533_usb 20480 0 - Live 0x0\nsnd 1 0 - Live 0x0\n")
    assert detect.thieves(tmp_path) == ["pn533_usb"]


def test_our_table_of_usb_readers_is_nfcpys() -> None:
    from nfc.clf.device import usb_device_map

    assert {f"{vendor:04x}:{product:04x}" for vendor, product in usb_device_map} == set(detect.USB_READERS)


def test_lights_and_beepers_are_listed_as_the_setting_names_them(tmp_path: Path) -> None:
    for path in ("sys/class/leds/cosound/brightness", "sys/class/leds/mmc0/brightness"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).touch()
    speaker = tmp_path / "dev/input/by-path/platform-pcspkr-event-spkr"
    speaker.parent.mkdir(parents=True)
    speaker.touch()
    found = [one.setting for one in detect.lamps(tmp_path)]
    assert found == ["led:cosound", "beep:/dev/input/by-path/platform-pcspkr-event-spkr"]
    assert [[lamp.where for lamp in lamps_of(one)[0]] for one in found] == [[one] for one in found]


def test_the_list_says_what_to_write_and_what_is_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usb(tmp_path, "1-1.2", "072f", "2200", 7)
    usb(tmp_path, "1-1.4", "072f", "2200", 8)
    readers = detect.candidates(tmp_path)
    monkeypatch.setattr(detect, "candidates", lambda: [readers[0], replace(readers[1], why_not="no permission: …")])
    monkeypatch.setattr(detect, "thieves", lambda: ["pn533_usb", "nfc"])
    said = CliRunner().invoke(nfc, ["list"], env={"COSOUND_CONFIG": str(tmp_path / "none"), "COSOUND_READER": "usb"})
    assert said.output.splitlines() == [
        "usb:1-1.2  (ACS ACR122U at USB 1-1.2)",
        "usb:1-1.4  (ACS ACR122U at USB 1-1.4): no permission: …",
        "the kernel has loaded what takes USB readers: "
        "sudo modprobe -r pn533_usb nfc (systemd/modprobe.d keeps them away)",
        "checkin.reader is usb",
    ]
