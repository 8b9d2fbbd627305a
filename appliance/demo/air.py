"""The air between nfcpy's udp reader and a tag: datagrams `<bitrate> <hex>` on 127.0.0.1."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from appliance.demo.emulated_tag import SENSE, WAKE_UP, Tag

FIELD_OFF = b"RFOFF"


class Air:
    """Put a tag into it, take it out. Runs in a thread until closed."""

    def __init__(self) -> None:
        self.tag: Tag | None = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, name="air", daemon=True)
        self._thread.start()

    @property
    def where(self) -> str:
        return f"udp:127.0.0.1:{self._socket.getsockname()[1]}"

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            datagram, reader = self._socket.recvfrom(1024)
            if not datagram:
                return
            reply = self._reply(datagram)
            if reply:
                with suppress(OSError):
                    self._socket.sendto(reply, reader)

    def _reply(self, datagram: bytes) -> bytes | None:
        """Whatever is asked is answered, so that a reader need not guess how long to wait: a poll without a tag by
        'field off', all else that no tag answers by a bitrate with nothing behind it."""
        if datagram.startswith(FIELD_OFF):
            return None
        bitrate, _, digits = datagram.partition(b" ")
        command = bytes.fromhex(digits.decode())
        tag = self.tag if bitrate == b"106A" else None
        answer = tag.answer(command) if tag else None
        if answer is not None:
            return bitrate + b" " + answer.hex().encode()
        return FIELD_OFF if command in (SENSE, WAKE_UP) or bitrate != b"106A" else bitrate
