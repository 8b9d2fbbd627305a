from __future__ import annotations

from pathlib import Path

from checkin import detect


def usb(root: Path, name: str, vendor: str, product: str) -> None:
    device = root / "sys/bus/usb/devices" / name
    device.mkdir(parents=True)
    (device / "idVendor").write_text(vendor + "\n")
    (device / "idProduct").write_text(product + "\n")


def test_an_empty_machine_has_no_readers(tmp_path: Path) -> None:
    assert detect.candidates(tmp_path) == []
    assert detect.thieves(tmp_path) == []


def test_known_usb_readers_are_found_among_other_devices(tmp_path: Path) -> None:
    usb(tmp_path, "1-1", "1d6b", "0002")
    usb(tmp_path, "1-2", "072f", "2200")
    assert detect.usb_readers(tmp_path) == [detect.Candidate("usb", "ACS ACR122U at USB 1-2")]


def test_ports_are_listed_by_stable_names(tmp_path: Path) -> None:
    for path in ("dev/serial/by-id/usb-FTDI_UART-if00-port0", "dev/input/by-id/usb-RFID-event-kbd"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).touch()
    assert [one.setting for one in detect.candidates(tmp_path)] == [
        "/dev/serial/by-id/usb-FTDI_UART-if00-port0",
        "/dev/input/by-id/usb-RFID-event-kbd",
    ]


def test_modules_that_steal_the_reader_are_named(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/modules").write_text("pn533_usb 20480 0 - Live 0x0\nsnd 1 0 - Live 0x0\n")
    assert detect.thieves(tmp_path) == ["pn533_usb"]


def test_our_table_of_usb_readers_is_nfcpys() -> None:
    from nfc.clf.device import usb_device_map

    assert {f"{vendor:04x}:{product:04x}" for vendor, product in usb_device_map} == set(detect.USB_READERS)
