"""A PN532 chip, on a pseudo-terminal or inside an ACR122U: enough of both for nfcpy's real drivers."""

from __future__ import annotations

import errno
import os
import select
import threading
import tty
from collections import deque
from contextlib import suppress

from appliance.demo.emulated_tag import Tag

START = b"\x00\x00\xff"
ACK = START + b"\x00\xff\x00"
HOST, CHIP = 0xD4, 0xD5

DIAGNOSE, VERSION, READ_REGISTER, WRITE_REGISTER = 0x00, 0x02, 0x06, 0x08
POWER_DOWN, RF_CONFIGURATION, EXCHANGE, LIST_TARGETS = 0x16, 0x32, 0x42, 0x4A
FIFO_DATA = 0x6339


class Chip:
    """What a PN532 answers, however it is asked. `heard`: the commands that came."""

    def __init__(self) -> None:
        self.tag: Tag | None = None
        self.heard: list[int] = []
        self._registers: dict[int, int] = {}

    def answer(self, command: int, data: bytes) -> bytes:
        self.heard.append(command)
        answers = {
            DIAGNOSE: lambda: data,
            VERSION: lambda: b"\x32\x01\x06\x07",
            READ_REGISTER: lambda: bytes(self._registers.get(address, 0) for address in _addresses(data, 2)),
            WRITE_REGISTER: lambda: self._write(data),
            LIST_TARGETS: lambda: self._list_targets(data),
            EXCHANGE: lambda: self._exchange(data),
            POWER_DOWN: lambda: b"\x00",
        }
        return answers.get(command, lambda: b"")()

    def _write(self, data: bytes) -> bytes:
        self._registers.update(zip(_addresses(data, 3), data[2::3], strict=True))
        return b""

    def _exchange(self, data: bytes) -> bytes:
        answer = self.tag.answer(data) if self.tag else None
        if answer is None:
            return b"\x01"
        is_read_by_pages = self.tag is not None and not self.tag.sel_res & 0x60
        return b"\x00" + answer + (_crc_a(answer) if is_read_by_pages and len(answer) > 1 else b"")

    def _list_targets(self, data: bytes) -> bytes:
        tag = self.tag
        if tag is None or data[1] != 0x00:
            self._registers[FIFO_DATA] = 0x26  # the poll stays in the chip's buffer: nobody took it
            return b"\x00"
        return b"\x01\x01" + tag.sens_res[::-1] + bytes([tag.sel_res, len(tag.uid)]) + tag.uid


class SimulatedPN532(Chip):
    """`port` is its serial port. `mute` swallows commands; `noise` is sent before every answer."""

    def __init__(self) -> None:
        super().__init__()
        self.mute = False
        self.noise = b""
        self._chip, self._line = os.openpty()
        tty.setraw(self._line)
        self.port = os.ttyname(self._line)
        self._wake, self._alarm = os.pipe()
        self._thread = threading.Thread(target=self._serve, name="pn532", daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        """Hang up, as a pulled USB bridge does."""
        os.write(self._alarm, b"!")
        self._thread.join()
        for end in (self._chip, self._line, self._wake, self._alarm):
            os.close(end)

    def _serve(self) -> None:
        held = b""
        while True:
            ready, _, _ = select.select([self._chip, self._wake], [], [])
            if self._wake in ready:
                return
            with suppress(OSError):
                held += os.read(self._chip, 4096)
            held = self._take_frames(held)

    def _take_frames(self, held: bytes) -> bytes:
        """Answer every whole frame; what is left over waits for more."""
        while (at := held.find(START)) >= 0:
            held = held[at:]
            if held.startswith(ACK):
                held = held[len(ACK) :]
                continue
            size = _frame_size(held)
            if size is None or len(held) < size:
                return held
            self._heard(_body(held[:size]))
            held = held[size:]
        return held[-2:]

    def _heard(self, body: bytes | None) -> None:
        if body is None or body[0] != HOST or self.mute:
            return
        answer = self.answer(body[1], body[2:])
        self._send(self.noise + ACK + _framed(bytes([CHIP, body[1] + 1]) + answer))

    def _send(self, data: bytes) -> None:
        with suppress(OSError):
            os.write(self._chip, data)


class SimulatedACR122U(Chip):
    """The chip behind an ACR122U's own USB protocol, in place of nfcpy's USB transport. `lights`: what its LED and
    buzzer were told; `dark`: they do not answer, as on some clones."""

    TYPE = "USB"
    manufacturer_name, product_name = "ACS", "ACR122U PICC Interface"

    def __init__(self) -> None:
        super().__init__()
        self.lights: list[bytes] = []
        self.dark = False
        self.gone = False
        self._frame = b""

    def write(self, frame: bytes, _timeout: int = 0) -> None:
        if self.gone:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        self._frame = bytes(frame)

    def read(self, _timeout: int = 0) -> bytearray:
        told = self._told(self._frame[10:])
        if told is None:
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        return bytearray(b"\x80" + len(told).to_bytes(4, "little") + bytes(5) + told)

    def close(self) -> None:
        """Nothing to close."""

    def _told(self, apdu: bytes) -> bytes | None:
        if apdu.startswith(b"\xff\x00\x48"):
            return b"ACR122U214"
        if apdu.startswith(b"\xff\x00\x40"):
            self.lights.append(apdu[3:])
            return None if self.dark and apdu[3] & 0xF0 else b"\x90\x02"
        if apdu.startswith(b"\xff\x00\x00\x00"):
            command, data = apdu[6], apdu[7:]
            return bytes([CHIP, command + 1]) + self.answer(command, data) + b"\x90\x00"
        return b"\x90\x00"


class SimulatedPN533(Chip):
    """A PN533 in place of nfcpy's USB transport: a frame a packet, and a status before what registers hold."""

    TYPE = "USB"
    manufacturer_name, product_name = "SCM Micro", "SCL3711-NFC&RW"
    EEPROM = 0xA000

    def __init__(self) -> None:
        super().__init__()
        self.gone = False
        self._packets: deque[bytes] = deque()

    def write(self, frame: bytes, _timeout: int = 0) -> None:
        if self.gone:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        self._packets.clear()
        body = None if bytes(frame) == ACK else _body(bytes(frame))
        if body is not None:
            self._packets += [ACK, _framed(bytes([CHIP, body[1] + 1]) + self.answer(body[1], body[2:]))]

    def read(self, _timeout: int = 0) -> bytearray:
        if not self._packets:
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        return bytearray(self._packets.popleft())

    def close(self) -> None:
        """Nothing to close."""

    def answer(self, command: int, data: bytes) -> bytes:
        if command == VERSION:
            return b"\x33\x02\x07\x07"
        if command == READ_REGISTER and self.EEPROM in _addresses(data, 2):
            return b"\x7f"  # no memory is attached
        status = b"\x00" if command in (READ_REGISTER, WRITE_REGISTER) else b""
        return status + super().answer(command, data)


def _crc_a(data: bytes) -> bytes:
    """ISO 14443-3's checksum, which the chip leaves on what a Type 2 tag says."""
    register = 0x6363
    for byte in data:
        mixed = byte ^ register & 0xFF
        mixed = (mixed ^ mixed << 4) & 0xFF
        register = register >> 8 ^ mixed << 8 ^ mixed << 3 ^ mixed >> 4
    return register.to_bytes(2, "little")


def _addresses(data: bytes, step: int) -> list[int]:
    """The two-byte register addresses that begin every `step` bytes."""
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), step)]


def _frame_size(frame: bytes) -> int | None:
    """Bytes of the frame that begins here, None while its head is not whole."""
    if len(frame) < 8:
        return None
    if frame[3:5] == b"\xff\xff":
        return 8 + int.from_bytes(frame[5:7], "big") + 2
    return 5 + frame[3] + 2


def _body(frame: bytes) -> bytes | None:
    """What a frame says, None when a checksum is wrong."""
    head = 8 if frame[3:5] == b"\xff\xff" else 5
    if sum(frame[head - 3 if head == 8 else 3 : head]) & 0xFF:
        return None
    return None if sum(frame[head:-1]) & 0xFF else frame[head:-2]


def _framed(body: bytes) -> bytes:
    size = len(body)
    long = size > 254
    head = b"\xff\xff" + size.to_bytes(2, "big") if long else bytes([size])
    count = sum(size.to_bytes(2, "big")) if long else size
    return START + head + bytes([-count & 0xFF]) + body + bytes([-sum(body) & 0xFF, 0])
