"""Our driver on nfcpy's real ACR122U and PN533 code, with the reader simulated behind nfcpy's USB transport."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import nfc.clf.device
import pytest
from nfc.clf import transport

from appliance.demo.emulated_tag import Tag, sticker
from checkin import detect
from checkin.detect import UsbReader
from checkin.feedback import PATTERNS
from checkin.message import uri_message
from checkin.nfcpy_driver import NfcpyDriver
from checkin.reader import Lit, ReaderGone, TagRead
from tests.simulated_pn532 import SimulatedACR122U, SimulatedPN533

ACR122U, SCL3711 = (0x072F, 0x2200), (0x04E6, 0x5591)
SEVEN = bytes.fromhex("04a1b2c3d4e5f6")


class Usb:
    """Two sockets; nfcpy opens what is plugged into one by its number on the bus."""

    def __init__(self) -> None:
        self.plugged: dict[str, tuple[int, Any]] = {"1-1.2": (7, SimulatedACR122U()), "1-1.4": (8, SimulatedACR122U())}
        self.permitted = True

    def readers(self, _root: object = None) -> list[UsbReader]:
        return [UsbReader(port, "ACS ACR122U", 1, address) for port, (address, _) in self.plugged.items()]

    def find(self, path: str) -> list[tuple[int, int, int, int]] | None:
        if not path.startswith("usb"):
            return None
        found = [(at, reader) for at, reader in self.plugged.values() if path == f"usb:001:{at:03d}"]
        return [(*(SCL3711 if isinstance(reader, SimulatedPN533) else ACR122U), 1, at) for at, reader in found]

    def __call__(self, bus: int, address: int) -> Any:
        return dict(self.plugged.values())[address]


@pytest.fixture
def usb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Usb]:
    usb = Usb()
    monkeypatch.setattr(transport, "USB", usb)
    monkeypatch.setattr(detect, "usb_readers", usb.readers)
    monkeypatch.setattr(detect, "thieves", list)
    monkeypatch.setattr(nfc.clf.device.os, "access", lambda _node, _mode: usb.permitted)
    yield usb


@pytest.fixture
def driver(usb: Usb) -> Iterator[NfcpyDriver]:
    driver = NfcpyDriver("usb:1-1.4")
    driver.open()
    yield driver
    driver.close()


def reader_of(usb: Usb, port: str = "1-1.4") -> Any:
    return usb.plugged[port][1]


def test_the_reader_in_the_named_socket_is_opened_and_reads(usb: Usb, driver: NfcpyDriver) -> None:
    assert driver.poll(0.1) is None
    reader_of(usb).tag = sticker(SEVEN, uri_message("https://cosound.example/r/1"))
    assert driver.poll(0.1) == TagRead(SEVEN, "nfca", ndef=uri_message("https://cosound.example/r/1"))
    assert not reader_of(usb, "1-1.2").heard, "the other one is left alone"


def test_its_name_says_which_one_it_is(usb: Usb) -> None:
    driver = NfcpyDriver("usb:1-1.2")
    assert driver.open() == "ACS ACR122U PN532v1.6 at usb:001:007, usb:1-1.2"
    driver.close()


def test_any_reader_will_do_for_usb(usb: Usb) -> None:
    del usb.plugged["1-1.2"]
    driver = NfcpyDriver("usb")
    driver.open()
    reader_of(usb).tag = Tag(SEVEN)
    assert driver.poll(0.1) == TagRead(SEVEN, "nfca")
    driver.close()


def test_two_at_once_see_their_own_cards(usb: Usb, driver: NfcpyDriver) -> None:
    other = NfcpyDriver("usb:1-1.2")
    other.open()
    reader_of(usb, "1-1.2").tag = Tag(b"\x04222222")
    reader_of(usb, "1-1.4").tag = Tag(SEVEN)
    seen = driver.poll(0.1), other.poll(0.1)
    other.close()
    assert seen == (TagRead(SEVEN, "nfca"), TagRead(b"\x04222222", "nfca"))


def test_pulled_out_it_is_gone_and_back_under_another_number(usb: Usb, driver: NfcpyDriver) -> None:
    reader_of(usb).gone = True
    pulled = usb.plugged.pop("1-1.4")
    with pytest.raises(ReaderGone):
        driver.poll(0.1)
    driver.close()
    assert not driver.plugged()
    with pytest.raises(ReaderGone, match=r"^nothing is plugged in there$"):
        driver.open()
    usb.plugged["1-1.4"] = (12, pulled[1])
    reader_of(usb).gone = False
    reader_of(usb).tag = Tag(SEVEN)
    driver.open()
    assert driver.poll(0.1) == TagRead(SEVEN, "nfca")


def test_without_permission_the_group_is_named(usb: Usb) -> None:
    usb.permitted = False
    with pytest.raises(ReaderGone, match="no permission: this user must be in group plugdev"):
        NfcpyDriver("usb").open()


def test_without_libusb_its_package_is_named(usb: Usb, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_found(_path: str) -> None:
        raise OSError(2, "cannot find a suitable libusb-1.0", [])

    monkeypatch.setattr(usb, "find", none_found)
    with pytest.raises(ReaderGone, match=r"^no libusb on this machine: sudo apt install libusb-1\.0-0$"):
        NfcpyDriver("usb").open()


def test_a_module_that_holds_it_is_named(usb: Usb, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(_bus: int, _address: int) -> None:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(Usb, "__call__", lambda _usb, bus, address: busy(bus, address))
    monkeypatch.setattr(detect, "thieves", lambda: ["pn533_usb"])
    with pytest.raises(ReaderGone, match="pn533_usb holds it: sudo modprobe -r pn533_usb"):
        NfcpyDriver("usb").open()


def test_a_pn533_stick_reads_too_and_has_no_lights(usb: Usb) -> None:
    usb.plugged["2-1"] = (9, SimulatedPN533())
    driver = NfcpyDriver("usb:2-1")
    assert "PN533" in driver.open()
    assert driver.poll(0.1) is None
    reader_of(usb, "2-1").tag = sticker(SEVEN, uri_message("https://cosound.example/r/1"))
    driver.show("in")
    assert driver.poll(0.1) == TagRead(SEVEN, "nfca", ndef=uri_message("https://cosound.example/r/1"))
    reader_of(usb, "2-1").gone = True
    with pytest.raises(ReaderGone):
        driver.poll(0.1)
    driver.close()


# Its own LED and buzzer


def test_each_answer_has_lights_of_its_own_and_ends_green(usb: Usb, driver: NfcpyDriver) -> None:
    assert isinstance(driver, Lit)
    reader_of(usb).lights.clear()
    for answer in PATTERNS:
        driver.show(answer)
    told = reader_of(usb).lights
    assert len(set(told)) == len(PATTERNS)
    for state, size, on, off, times, buzzer in told:
        assert (size, buzzer) == (4, 1)
        assert state & 0x0F == 0x0E, "green in the end"
        assert (on + off) * times <= 6, "tenths of a second in which it does not look"


def test_lights_that_do_not_answer_are_said_once_and_it_reads_on(
    usb: Usb, driver: NfcpyDriver, caplog: pytest.LogCaptureFixture
) -> None:
    reader_of(usb).dark = True
    driver.show("out")
    driver.show("out")
    assert caplog.text.count("its LED and buzzer do not answer") == 1
    reader_of(usb).tag = Tag(SEVEN)
    assert driver.poll(0.1) == TagRead(SEVEN, "nfca")
