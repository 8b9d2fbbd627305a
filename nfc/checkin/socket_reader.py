"""A reader of typed taps: `cosound tap` and the demo send them as datagrams to `<runtime_dir>/tap`."""

from __future__ import annotations

import json
import logging
import os
import select
import socket
from pathlib import Path
from uuid import UUID

from appliance.errors import InputError
from appliance.tapline import TYPED
from checkin.reader import ReaderGone, TagRead, is_random_uid, uid_fault

log = logging.getLogger(__name__)

LONGEST_DATAGRAM = 512
TECHS = ("nfca", "nfcb", "nfcf", "em125k", "hex", "hid")


class SocketReader:
    """Listens on a unix datagram socket that only this user may write to."""

    continuous = False

    def __init__(self, runtime_dir: Path) -> None:
        self._path = runtime_dir / "tap"
        self._socket: socket.socket | None = None
        self._complained = False

    @property
    def where(self) -> str:
        return TYPED

    def plugged(self) -> bool:
        return True

    def open(self) -> str:
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)
            os.fchmod(ear.fileno(), 0o600)  # before bind: the file is born with this mode
            ear.bind(str(self._path))
        except OSError as error:
            ear.close()
            raise ReaderGone(f"{error.strerror or error}") from error
        self._socket = ear
        return f"{TYPED} on {self._path}"

    def poll(self, timeout_s: float) -> TagRead | None:
        """The next well-formed tap; None after `timeout_s` or one that made no sense."""
        if self._socket is None:
            raise ReaderGone("it is not open")
        ready, _, _ = select.select([self._socket], [], [], timeout_s)
        if not ready:
            return None
        try:
            return parse_tap(self._socket.recv(LONGEST_DATAGRAM + 1))
        except InputError as error:
            if not self._complained:
                log.warning("%s: ignored %s; more of the kind will be ignored in silence", self._path, error)
            self._complained = True
            return None
        except OSError as error:
            raise ReaderGone(f"{error.strerror or error}") from error

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._path.unlink(missing_ok=True)
        self._socket = None


def parse_tap(datagram: bytes) -> TagRead:
    """`{"tap_id": uuid, "uid": hex, "tech": …}` as a tag. Raises InputError, which never repeats the number."""
    if len(datagram) > LONGEST_DATAGRAM:
        raise InputError(f"a tap of more than {LONGEST_DATAGRAM} bytes")
    try:
        given = json.loads(datagram)
        tap_id, uid, tech = str(UUID(given["tap_id"])), bytes.fromhex(given["uid"]), given["tech"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError("a tap that is not JSON with tap_id (a UUID), uid (hex) and tech") from error
    if tech not in TECHS:
        raise InputError(f"a tap whose tech is none of {', '.join(TECHS)}")
    fault = uid_fault(uid)
    if fault:
        raise InputError(f"a tap whose number is wrong: {fault}")
    return TagRead(uid, tech, is_random_uid(tech, uid), tap_id=tap_id)
