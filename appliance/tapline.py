"""The line on which a tap can be typed: one datagram to the reader process."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from uuid import uuid4

from appliance.bell import MAX_SOCKET_PATH
from appliance.errors import SetupError, TransientError

TYPED = "typed taps"  # the name of this line among the readers
SEND_WITHIN_S = 2.0


def send_tap(runtime_dir: Path, uid: bytes, tech: str = "nfca", tap_id: str | None = None) -> str:
    """Hand a tap to the reader process of this box; returns the tap's id, under which its result is stored.

    The same id twice is one tap. Raises SetupError when no reader process listens, TransientError when it is
    too busy to take it.
    """
    tap_id = tap_id or str(uuid4())
    path = runtime_dir / "tap"
    if len(str(path).encode()) > MAX_SOCKET_PATH:
        raise SetupError(f"runtime directory {runtime_dir} is too long a path for a socket: choose a shorter one")
    datagram = json.dumps({"tap_id": tap_id, "uid": uid.hex(), "tech": tech}).encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.settimeout(SEND_WITHIN_S)
        try:
            line.sendto(datagram, str(path))
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError) as error:
            raise SetupError(f"no reader process on {runtime_dir}: start `cosound nfc`") from error
        except PermissionError as error:
            raise SetupError(f"{path} belongs to another user: tap as the one who runs `cosound nfc`") from error
        except OSError as error:
            raise TransientError(f"the reader process on {runtime_dir} took no tap ({error}); try again") from error
    return tap_id
