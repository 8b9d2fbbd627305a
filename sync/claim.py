"""A box's first token: an installer types the code that staff read out, the cloud gives the token in exchange.

The code is asked for and never an argument: everybody on a machine reads those.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import httpx

from appliance.errors import SetupError
from sync.errors import LinkDown

TOKEN_FILE = Path("/etc/credstore/cosound.player-token")
TIMEOUT_S = 15.0


def claim(http: httpx.Client, code: str, target: Path) -> str:
    """Keep the token in `target`, its owner's alone; returns the room's name.

    Raises SetupError when the code is not good or the file cannot be written (which is tried before the code is
    used up), LinkDown when the cloud does not answer.
    """
    fresh = _prepared(target)
    try:
        room, token = _exchanged(http, code)
        with fresh.open("w") as file:
            file.write(token)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
    finally:
        with suppress(OSError):
            fresh.unlink()
    return room


def _prepared(target: Path) -> Path:
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise SetupError(f"{target} cannot be written ({error.strerror}): use sudo, or name another file") from error
    return fresh


def _exchanged(http: httpx.Client, code: str) -> tuple[str, str]:
    try:
        answer = http.post("/api/player/claim", json={"code": code})
        said = answer.json()
        if answer.status_code == 200:
            return str(said["name"]), str(said["token"])
        message = str(said["message"])
    except httpx.HTTPError as error:
        raise LinkDown(f"{http.base_url} does not answer ({error}): check the address and the network") from error
    except (ValueError, KeyError, TypeError) as error:
        raise SetupError(f"what answers at {http.base_url} is not the cloud: check cloud.url") from error
    raise SetupError(message)
