"""What a stored file may be called."""

from __future__ import annotations

import re

MEDIA_TYPES = {"wav": "audio/wav", "flac": "audio/flac", "ogg": "audio/ogg", "opus": "audio/ogg", "mp3": "audio/mpeg"}

_NAME = re.compile(r"[0-9a-f]{64}\.[a-z0-9]{2,5}")


def checked(name: str) -> str:
    """The name. Raises FileNotFoundError for one that no file of ours can have."""
    if not _NAME.fullmatch(name):
        raise FileNotFoundError(name)
    return name


def media_type(name: str) -> str:
    return MEDIA_TYPES.get(name.rsplit(".", 1)[-1], "application/octet-stream")
