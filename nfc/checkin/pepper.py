"""The secret under which cards are hashed where no organisation gave one: this box makes it, and keeps it."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from pathlib import Path

from appliance.errors import SetupError

PEPPER_BYTES = 32
SHORTEST_BYTES = 16


def pepper_of(data_dir: Path) -> bytes:
    """The box's own pepper from `data_dir/pepper`, made there on first use.

    Raises SetupError when that file is damaged: with another pepper every card would be a stranger.
    """
    path = data_dir / "pepper"
    if not path.exists():
        _make(path)
    return _read(path)


def kept_pepper(data_dir: Path) -> bytes | None:
    """The box's own pepper, None when it never needed one. Raises SetupError as `pepper_of` does."""
    path = data_dir / "pepper"
    return _read(path) if path.exists() else None


def _make(path: Path) -> None:
    """Whole or not at all, and never over one that is there already."""
    temp = path.with_name(f".pepper.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temp.unlink(missing_ok=True)
        handle = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, secrets.token_hex(PEPPER_BYTES).encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        with contextlib.suppress(FileExistsError):  # somebody was faster: theirs counts
            os.link(temp, path)
        _fsync_folder(path.parent)
    except OSError as error:
        raise SetupError(f"{path} cannot be written: {error.strerror}; choose another box.data_dir") from error
    finally:
        with contextlib.suppress(OSError):
            temp.unlink()


def _read(path: Path) -> bytes:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{path} cannot be read ({error}); give it back its content, or set checkin.pepper") from error
    if not re.fullmatch(r"([0-9a-fA-F]{2})+", text) or len(text) < 2 * SHORTEST_BYTES:
        raise SetupError(
            f"{path} is damaged: it must hold at least {2 * SHORTEST_BYTES} hexadecimal digits. Put back a copy; "
            "without one, delete it, and every card will be greeted as a newcomer"
        )
    return bytes.fromhex(text)


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
