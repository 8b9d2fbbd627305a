"""A USB socket that the kernel believes in (its vhci, made for USB over a network), with simulated readers to plug in.

What is plugged in has a place in /sys and a node in /dev, and is spoken to through libusb as a true one would be.
"""

from __future__ import annotations

import errno
import socket
import struct
import threading
from contextlib import suppress
from pathlib import Path
from typing import Protocol

VHCI = Path("/sys/devices/platform/vhci_hcd.0")
PORT, DEVICE, FULL_SPEED = 0, 0x10002, 2
SUBMIT, UNLINK, RET_SUBMIT, RET_UNLINK = 1, 2, 3, 4
HEAD, ASKED = struct.Struct(">5I"), struct.Struct(">5i8s")
TOLD = struct.Struct(">5I5i8x")
BULK_OUT, BULK_IN = 0x02, 0x82
CONFIGURATION = bytes.fromhex(
    f"0902200001010080320904000002ff0000000705{BULK_OUT:02x}024000000705{BULK_IN:02x}02400000"
)
GET_STATUS, GET_DESCRIPTOR, STALLED = 0x00, 0x06, -errno.EPIPE


class Reader(Protocol):
    """The device's end of nfcpy's USB transport."""

    manufacturer_name: str
    product_name: str

    def write(self, frame: bytes, _timeout: int = 0) -> None: ...
    def read(self, _timeout: int = 0) -> bytearray: ...


class UsbSocket:
    """One reader at a time. ids: vendor and product."""

    def __init__(self) -> None:
        self._device: _Device | None = None

    def plug_in(self, reader: Reader, ids: tuple[int, int]) -> None:
        self._device = _Device(reader, ids)
        (VHCI / "attach").write_text(f"{PORT} {self._device.kernels_end.fileno()} {DEVICE} {FULL_SPEED}")

    def pull_out(self) -> None:
        if self._device is not None:
            (VHCI / "detach").write_text(str(PORT))
            self._device.end()
        self._device = None


class _Device(threading.Thread):
    """Answers what the kernel asks of the device."""

    def __init__(self, reader: Reader, ids: tuple[int, int]) -> None:
        super().__init__(name="usb device", daemon=True)
        self._reader = reader
        self._ids = ids
        self._waiting: list[int] = []  # reads that nothing has answered yet
        self.kernels_end, self._line = socket.socketpair()
        self.start()

    def end(self) -> None:
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        self.join()
        self.kernels_end.close()
        self._line.close()

    def run(self) -> None:
        with suppress(OSError, EOFError):
            while True:
                self._answer(*HEAD.unpack(self._hear(HEAD.size)))

    def _hear(self, size: int) -> bytes:
        heard = b""
        while len(heard) < size:
            part = self._line.recv(size - len(heard))
            if not part:
                raise EOFError
            heard += part
        return heard

    def _answer(self, command: int, number: int, _device: int, goes_in: int, endpoint: int) -> None:
        rest = self._hear(ASKED.size)
        if command == UNLINK:
            (unlinked,) = struct.unpack(">I", rest[:4])
            was_waiting = unlinked in self._waiting
            if was_waiting:
                self._waiting.remove(unlinked)
            self._tell(RET_UNLINK, number, -errno.ECONNRESET if was_waiting else 0)
            return
        _, size, _, _, _, setup = ASKED.unpack(rest)
        data = b"" if goes_in else self._hear(size)
        if endpoint == 0:
            status, told = self._control(setup)
            self._tell(RET_SUBMIT, number, status, told[:size] if goes_in else b"", 0 if goes_in else size)
        elif goes_in:
            self._read(number, size)
        else:
            if data:
                self._reader.write(data)
            self._tell(RET_SUBMIT, number, 0, b"", size)

    def _read(self, number: int, size: int) -> None:
        try:
            told = bytes(self._reader.read())
        except OSError:
            self._waiting.append(number)
            return
        self._tell(RET_SUBMIT, number, 0, told[:size])

    def _tell(self, command: int, number: int, status: int, data: bytes = b"", taken: int = 0) -> None:
        self._line.sendall(TOLD.pack(command, number, 0, 0, 0, status, len(data) or taken, 0, 0, 0) + data)

    def _control(self, setup: bytes) -> tuple[int, bytes]:
        kind, request, value, _, _ = struct.unpack("<BBHHH", setup)
        if request == GET_STATUS:
            return 0, bytes(2)
        if request != GET_DESCRIPTOR:
            return (STALLED, b"") if kind & 0x80 else (0, b"")
        what, which = value >> 8, value & 0xFF
        if what == 1:
            return 0, struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x0110, 0, 0, 0, 64, *self._ids, 0x0214, 1, 2, 0, 1)
        if what == 2:
            return 0, CONFIGURATION
        if what == 3 and which < 3:
            words = ("\u0409", self._reader.manufacturer_name, self._reader.product_name)[which].encode("utf-16-le")
            return 0, bytes([len(words) + 2, 3]) + words
        return STALLED, b""
