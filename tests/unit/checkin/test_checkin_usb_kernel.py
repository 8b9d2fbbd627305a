"""An ACR122U on a USB socket of the kernel's own: found in /sys, opened and read by libusb, pulled out and put in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.demo.emulated_tag import Tag
from checkin import detect
from checkin.nfcpy_driver import NfcpyDriver
from checkin.reader import ReaderGone, TagRead
from tests.nobody import refused
from tests.patience import until
from tests.simulated_pn532 import SimulatedACR122U
from tests.usb_socket import VHCI, UsbSocket

pytestmark = [
    pytest.mark.skipif(
        not os.access(VHCI / "attach", os.W_OK), reason="needs root and the kernel's vhci: sudo modprobe vhci_hcd"
    ),
    pytest.mark.filterwarnings("ignore:Use .with USBContext:DeprecationWarning"),  # nfcpy's way with libusb1
]

ACR122U = (0x072F, 0x2200)
SEVEN = bytes.fromhex("04a1b2c3d4e5f6")
REPLUGS = 20


@pytest.fixture
def usb() -> Iterator[UsbSocket]:
    usb = UsbSocket()
    plug_in(usb)
    yield usb
    usb.pull_out()


def plug_in(usb: UsbSocket) -> SimulatedACR122U:
    reader = SimulatedACR122U()
    reader.tag = Tag(SEVEN)
    usb.plug_in(reader, ACR122U)
    until(lambda: [one for one in detect.usb_readers() if Path("/", one.node).exists()], "the node")
    return reader


def test_it_is_listed_opened_and_read_and_answers_with_its_own_light(usb: UsbSocket) -> None:
    usb.pull_out()
    reader = plug_in(usb)
    (found,) = detect.candidates()
    assert found.setting == "usb"
    assert "ACS ACR122U at USB " in found.what
    assert not found.why_not
    driver = NfcpyDriver(found.setting)
    assert "ACR122U" in driver.open()
    assert driver.poll(0.1) == TagRead(SEVEN, "nfca")
    before = len(reader.lights)
    driver.show("in")
    assert len(reader.lights) == before + 1
    driver.close()


def test_pulled_out_and_plugged_in_it_reads_again_and_nothing_is_left_over(usb: UsbSocket) -> None:
    driver, held = NfcpyDriver("usb"), []
    for _ in range(REPLUGS):
        driver.open()
        assert driver.poll(0.1) == TagRead(SEVEN, "nfca")
        usb.pull_out()
        with pytest.raises(ReaderGone):
            driver.poll(0.1)
        driver.close()
        until(lambda: not driver.plugged(), "its place in /sys to be gone")
        with pytest.raises(ReaderGone, match="no NFC reader on USB"):
            driver.open()
        held.append(len(list(Path("/proc/self/fd").iterdir())))
        plug_in(usb)
    assert held[0] == held[-1]


def test_what_another_program_holds_is_said(usb: UsbSocket) -> None:
    first, second = NfcpyDriver("usb"), NfcpyDriver("usb")
    first.open()
    with pytest.raises(ReaderGone, match="another program holds it"):
        second.open()
    assert first.poll(0.1) == TagRead(SEVEN, "nfca")
    first.close()


def test_who_may_not_is_told_the_group(usb: UsbSocket) -> None:
    (found,) = detect.usb_readers()
    Path("/", found.node).chmod(0o600)
    assert refused(NfcpyDriver("usb").open).startswith(
        "no permission: this user must be in group plugdev: sudo usermod"
    )
